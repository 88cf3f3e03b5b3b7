export { auditHandlers } from "./endpoints.ts";
export { type NewAuditEntry, writeAudit } from "./store.ts";
