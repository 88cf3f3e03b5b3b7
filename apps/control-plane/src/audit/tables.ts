import type { TenantId } from "@evenkeel/contracts/id";
import type { AuditEntry } from "@evenkeel/contracts/principal";
import type { Generated } from "kysely";

interface AuditTable {
  id: string;
  tenant_id: TenantId;
  principal: string;
  action: string;
  resource: string;
  outcome: AuditEntry["outcome"];
  code: string | null;
  details: Record<string, unknown>;
  address: string;
  at: Generated<string>;
}

export interface AuditTables {
  audit: AuditTable;
}
