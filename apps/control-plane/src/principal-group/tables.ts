import type { Name, PrincipalGroupId, PrincipalId, TenantId } from "@evenkeel/contracts/id";
import type { Generated } from "kysely";

interface PrincipalGroupTable {
  id: PrincipalGroupId;
  tenant_id: TenantId;
  name: Name;
  version: Generated<number>;
  created_at: Generated<string>;
}

interface PrincipalGroupMemberTable {
  group_id: PrincipalGroupId;
  principal_id: PrincipalId;
  tenant_id: TenantId;
}

export interface PrincipalGroupTables {
  principal_group: PrincipalGroupTable;
  principal_group_member: PrincipalGroupMemberTable;
}
