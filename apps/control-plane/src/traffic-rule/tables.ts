import type { Name, ServiceId, TenantId, TrafficRuleId, WorkspaceId } from "@evenkeel/contracts/id";
import type { SetTrafficRule, TrafficPolicy, UserKey } from "@evenkeel/contracts/traffic-rule";
import type { Generated } from "kysely";

interface TrafficRuleTable {
  id: TrafficRuleId;
  tenant_id: TenantId;
  workspace_id: WorkspaceId;
  service_id: ServiceId;
  name: Name;
  priority: number;
  definition: SetTrafficRule;
  version: Generated<number>;
  created_at: Generated<string>;
}

interface TrafficPolicyTable {
  service_id: ServiceId;
  tenant_id: TenantId;
  workspace_id: WorkspaceId;
  definition: TrafficPolicy;
}

interface TrafficEntryTable {
  workspace_id: WorkspaceId;
  tenant_id: TenantId;
  /** Seals the lanes and cells that gateways write into baggage. */
  secret: Generated<string>;
  user_key: Generated<UserKey[]>;
}

export interface TrafficRuleTables {
  traffic_rule: TrafficRuleTable;
  traffic_policy: TrafficPolicyTable;
  traffic_entry: TrafficEntryTable;
}
