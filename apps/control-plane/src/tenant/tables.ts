import type { TenantId } from "@evenkeel/contracts/id";
import type { Generated } from "kysely";

interface TenantTable {
  id: TenantId;
  name: string;
  created_at: Generated<string>;
}

export interface TenantTables {
  tenant: TenantTable;
}
