export { type EventQueue, eventQueue } from "./event-queue.ts";
export type { AuditNote, Caller, Handler, Handlers, HostCaller, RawReply, RequestOf, ServerEvent } from "./handler.ts";
export { credentialsIn, refuseForeign } from "./origin.ts";
export { pageStart, toPage } from "./page.ts";
export { parseInput } from "./parse.ts";
export type { Page, Site } from "./site.ts";
export { routeUpgrades, type UpgradeHandler } from "./upgrade.ts";
