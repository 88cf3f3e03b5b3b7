import type { SetApprovalRule } from "@evenkeel/contracts/approval";
import type { ApprovalRuleId, ChangeId, Digest, Name, TenantId } from "@evenkeel/contracts/id";
import type { Generated } from "kysely";

interface ApprovalRuleTable {
  id: ApprovalRuleId;
  tenant_id: TenantId;
  name: Name;
  definition: SetApprovalRule;
  version: Generated<number>;
  created_at: Generated<string>;
}

/** One principal's word for one plan. */
interface ChangeApprovalTable {
  change_id: ChangeId;
  plan_digest: Digest;
  principal: string;
  tenant_id: TenantId;
  at: Generated<string>;
}

export interface ApprovalTables {
  approval_rule: ApprovalRuleTable;
  change_approval: ChangeApprovalTable;
}
