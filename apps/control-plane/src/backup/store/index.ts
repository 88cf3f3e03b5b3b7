export { adoptWhatRuns } from "./adopt.ts";
export { type DriftPage, hasSpoken, noteFirstReport, readDrift, readRestoration, readSilence } from "./drift.ts";
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
