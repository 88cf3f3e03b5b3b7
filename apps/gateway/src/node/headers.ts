import { randomBytes } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { SESSION_COOKIE } from "@evenkeel/contracts/session";
import { originOf } from "./origin.ts";

const PASS = 0;
const DROP = 1;
const HOST = 2;
const TE = 3;
const COOKIE = 4;

const REQUEST_ACTIONS: ReadonlyMap<string, number> = new Map([
  ["connection", DROP],
  ["keep-alive", DROP],
  ["proxy-connection", DROP],
  ["proxy-authorization", DROP],
  ["transfer-encoding", DROP],
  ["trailer", DROP],
  ["upgrade", DROP],
  ["http2-settings", DROP],
  // The gateway answers `100 Continue` itself.
  ["expect", DROP],
  ["te", TE],
  ["host", HOST],
  ["cookie", COOKIE],
  // Set anew below.
  ["x-request-id", DROP],
  ["baggage", DROP],
  ["traceparent", DROP],
  ["tracestate", DROP],
  ["x-forwarded-for", DROP],
  ["x-forwarded-proto", DROP],
  ["x-forwarded-host", DROP],
  ["x-forwarded-port", DROP],
  ["x-real-ip", DROP],
  ["forwarded", DROP],
]);

const RESPONSE_DROPS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

// Header names are the client's word: what is remembered of them must stay bounded.
const REMEMBERED_NAMES = 2000;
const actionByName = new Map<string, number>();

function actionOf(name: string): number {
  const remembered = actionByName.get(name);
  if (remembered !== undefined) return remembered;
  const action = REQUEST_ACTIONS.get(name.toLowerCase()) ?? PASS;
  if (actionByName.size < REMEMBERED_NAMES) actionByName.set(name, action);
  return action;
}

/** Names that a Connection header makes hop-by-hop; null in the usual case that it names none. */
function connectionNames(connection: string | undefined): Set<string> | null {
  if (connection === undefined || /^(keep-alive|close|upgrade)$/i.test(connection)) return null;
  const names = new Set(connection.split(",").map((name) => name.trim().toLowerCase()));
  // Those frame or route the message: a client cannot have them taken away.
  for (const kept of ["host", "content-length"]) names.delete(kept);
  return names;
}

const REQUEST_ID_PATTERN = /^[\w.:+/=@-]{1,128}$/;
const TRACE_PATTERN = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}/;

let pool = "";
let poolAt = 0;

/** Random hexadecimal digits; bytes are drawn in stock, since one draw costs as much as the rest of the headers. */
function randomHex(digits: number): string {
  if (poolAt + digits > pool.length) {
    pool = randomBytes(4096).toString("hex");
    poolAt = 0;
  }
  poolAt += digits;
  return pool.slice(poolAt - digits, poolAt);
}

export interface RequestHeaders {
  /** Name, value, name, value …, for the instance. */
  readonly list: string[];
  readonly requestId: string;
  /** More than one Host header: two parties on the way might each believe another. */
  readonly ambiguous: boolean;
}

/** What the gateway says of a request. */
interface Said {
  /** As the client asked for. */
  readonly host: string;
  readonly trustForwarded: boolean;
  /** What is carried on of the client's, with what was decided; null = nothing. */
  readonly baggage: string | null;
}

/** Headers for the instance: without those of this hop, with where the request came from. */
export function requestHeaders(req: IncomingMessage, { host, trustForwarded, baggage }: Said): RequestHeaders {
  const { rawHeaders, headers } = req;
  const dropped = connectionNames(headers.connection);
  const list: string[] = ["host", host];
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    const value = rawHeaders[index + 1] as string;
    const action = actionOf(name);
    if (action === HOST) hosts += 1;
    else if (action === COOKIE) addCookies(list, name, value);
    else if (passes(action, value) && !dropped?.has(name.toLowerCase())) list.push(name, value);
  }
  const requestId = matching(headers["x-request-id"], REQUEST_ID_PATTERN) ?? randomHex(32);
  list.push("x-request-id", requestId);
  if (baggage !== null) list.push("baggage", baggage);
  addTrace(list, headers);
  addForwarded(list, req, { host, trustForwarded });
  return { list, requestId, ambiguous: hosts > 1 };
}

/** Browsers send cookies to every port of a name: a person's session of the platform is not the application's to see. */
function addCookies(list: string[], name: string, value: string): void {
  if (!value.includes(SESSION_COOKIE)) return void list.push(name, value);
  const kept = value.split(";").filter((pair) => pair.trim().split("=")[0] !== SESSION_COOKIE);
  if (kept.length > 0) list.push(name, kept.join(";").trim());
}

function passes(action: number, value: string): boolean {
  return action === PASS || (action === TE && value.toLowerCase() === "trailers");
}

function matching(value: string | string[] | undefined, pattern: RegExp): string | null {
  return typeof value === "string" && pattern.test(value) ? value : null;
}

function addTrace(list: string[], headers: IncomingHttpHeaders): void {
  const trace = matching(headers.traceparent, TRACE_PATTERN);
  if (trace === null) {
    list.push("traceparent", `00-${randomHex(32)}-${randomHex(16)}-01`);
    return;
  }
  list.push("traceparent", trace);
  if (typeof headers.tracestate === "string") list.push("tracestate", headers.tracestate);
}

function addForwarded(
  list: string[],
  req: IncomingMessage,
  { host, trustForwarded }: { host: string; trustForwarded: boolean },
): void {
  const { headers } = req;
  const { address, scheme } = originOf(req);
  if (!trustForwarded) {
    list.push("x-forwarded-for", address ?? "unknown", "x-forwarded-proto", scheme, "x-forwarded-host", host);
    return;
  }
  const before = headers["x-forwarded-for"];
  list.push("x-forwarded-for", [before, address].filter((each) => each !== undefined).join(", ") || "unknown");
  list.push("x-forwarded-proto", first(headers["x-forwarded-proto"]) ?? scheme);
  list.push("x-forwarded-host", first(headers["x-forwarded-host"]) ?? host);
}

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/** Headers for the client: name, value, name, value …, without those of the hop behind us. */
export function responseHeaders(headers: IncomingHttpHeaders): string[] {
  const dropped = connectionNames(headers.connection);
  const list: string[] = [];
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value === undefined || RESPONSE_DROPS.has(name) || dropped?.has(name)) continue;
    if (typeof value === "string") list.push(name, value);
    else for (const one of value) list.push(name, one);
  }
  return list;
}
