export { type BackupDeps, backupHandlers } from "./endpoints.ts";
export { backupFindings } from "./finding.ts";
export { readKeys } from "./keys.ts";
export { adoptWhatRuns, hasSpoken, noteFirstReport, readSilence } from "./store/index.ts";
