import type { CellId, Name, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import type { Generated } from "kysely";

interface WorkspaceTable {
  id: WorkspaceId;
  tenant_id: TenantId;
  name: Name;
  region: Name;
  zones: Name[];
  version: Generated<number>;
  created_at: Generated<string>;
}

interface CellTable {
  id: CellId;
  tenant_id: TenantId;
  workspace_id: WorkspaceId;
  name: Name;
  zones: Name[];
  type: Generated<"unit" | "shared">;
  colour: Name | null;
  weight: Generated<number>;
  gray: Generated<boolean>;
  away: Generated<boolean>;
  fail_over: Name | null;
  version: Generated<number>;
  created_at: Generated<string>;
}

export interface WorkspaceTables {
  workspace: WorkspaceTable;
  cell: CellTable;
}
