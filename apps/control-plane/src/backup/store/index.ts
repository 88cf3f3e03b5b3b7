export { type DriftPage, noteFirstReport, readDrift, readRestoration } from "./drift.ts";
export { onSnapshot, readHead, readLines } from "./dump.ts";
export {
  addReferences,
  beginGeneration,
  dropReferences,
  emptyTable,
  insertLines,
  isFresh,
  readMigrations,
  setSequences,
} from "./load.ts";
