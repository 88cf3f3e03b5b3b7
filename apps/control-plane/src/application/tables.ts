import type { ApplicationId, Name, TenantId } from "@evenkeel/contracts/id";
import type { Generated } from "kysely";

interface ApplicationTable {
  id: ApplicationId;
  tenant_id: TenantId;
  name: Name;
  owner: string;
  group: string;
  level: number;
  tags: string[];
  metadata: Record<string, string>;
  version: Generated<number>;
  created_at: Generated<string>;
}

export interface ApplicationTables {
  application: ApplicationTable;
}
