export { basisOfSlots, hostLocks, lockNames } from "./basis.ts";
export { type GapRule, refuseGap } from "./gap.ts";
export { hostsRefusal, isOccupied, isServing, pickHosts, selectHosts, standingRevision } from "./hosts.ts";
export { findRevision, type PlannedRevision, routesIn, storedRevision } from "./revision.ts";
export { rollbackStrategy } from "./rollback-strategy.ts";
export { planSlot, type SlotWish } from "./target.ts";
export type { SlotWorld, WorldHost } from "./world.ts";
