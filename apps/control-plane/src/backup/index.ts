export { type BackupDeps, backupHandlers } from "./endpoints.ts";
export { backupFindings } from "./finding.ts";
export { readKeys } from "./keys.ts";
export { adoptWhatRuns, noteFirstReport, readSilence } from "./store/index.ts";
