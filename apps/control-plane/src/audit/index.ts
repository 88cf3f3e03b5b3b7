export { auditHandlers } from "./endpoints.ts";
export { forgetOldEntries, type NewAuditEntry, writeAudit } from "./store.ts";
