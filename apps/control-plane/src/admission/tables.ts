import type { SetAdmissionRule } from "@evenkeel/contracts/admission";
import type { AdmissionRuleId, Name, TenantId } from "@evenkeel/contracts/id";
import type { Generated } from "kysely";

interface AdmissionRuleTable {
  id: AdmissionRuleId;
  tenant_id: TenantId;
  name: Name;
  definition: SetAdmissionRule;
  version: Generated<number>;
  created_at: Generated<string>;
}

export interface AdmissionTables {
  admission_rule: AdmissionRuleTable;
}
