import type { Name, TenantId, WindowId } from "@evenkeel/contracts/id";
import type { SetWindow } from "@evenkeel/contracts/window";
import type { Generated } from "kysely";

interface WindowTable {
  id: WindowId;
  tenant_id: TenantId;
  name: Name;
  definition: SetWindow;
  version: Generated<number>;
  created_at: Generated<string>;
}

export interface WindowTables {
  window: WindowTable;
}
