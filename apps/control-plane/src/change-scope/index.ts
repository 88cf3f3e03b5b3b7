export { checkScope } from "./check.ts";
export { covers, type ScopedChange } from "./covers.ts";
export { scopedChanges } from "./store.ts";
