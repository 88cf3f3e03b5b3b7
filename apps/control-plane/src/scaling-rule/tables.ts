import type { ChangeId, Name, ScalingRuleId, TenantId } from "@evenkeel/contracts/id";
import type { ScalingVerdict, SetScalingRule } from "@evenkeel/contracts/scaling-rule";
import type { Generated } from "kysely";

interface ScalingRuleTable {
  id: ScalingRuleId;
  tenant_id: TenantId;
  name: Name;
  definition: SetScalingRule;
  version: Generated<number>;
  created_at: Generated<string>;
  verdict: ScalingVerdict | null;
  looked_at: string | null;
  change_id: ChangeId | null;
  /** Its change was under way then; from the end of that the cool-down counts. */
  scaled_at: string | null;
}

export interface ScalingRuleTables {
  scaling_rule: ScalingRuleTable;
}
