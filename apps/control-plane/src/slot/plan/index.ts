export { isOccupied, selectHosts } from "./hosts.ts";
export { findRevision, type PlannedRevision, storedRevision } from "./revision.ts";
export { planSlot, type SlotWish } from "./target.ts";
export type { SlotWorld, WorldHost } from "./world.ts";
