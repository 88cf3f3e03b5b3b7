import type { Placement } from "@evenkeel/contracts/base-cluster";
import type { BaseReport } from "@evenkeel/contracts/base-protocol";
import type { BaseClusterId, BaseId, HostId, Name, ServiceId, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import type { Business, SplitRule } from "@evenkeel/contracts/module";
import type { Generated } from "kysely";

interface BaseClusterTable {
  id: BaseClusterId;
  tenant_id: TenantId;
  workspace_id: WorkspaceId;
  name: Name;
  buffer: boolean;
  rules: Generated<SplitRule[]>;
  businesses: Generated<Business[]>;
  version: Generated<number>;
  created_at: Generated<string>;
}

/** What the agents last said of each base, and the cluster that it is in. */
interface BaseTable {
  id: BaseId;
  tenant_id: TenantId;
  service_id: ServiceId;
  host_id: HostId;
  cluster_id: BaseClusterId | null;
  /** The buffer that it was taken from, to which scaling in gives it back. */
  came_from: BaseClusterId | null;
  report: BaseReport | null;
  /** What its modules have published under, for gateways. */
  paths: Generated<string[]>;
  reported_at: Generated<string>;
}

interface ModulePlacementTable {
  cluster_id: BaseClusterId;
  module: Name;
  tenant_id: TenantId;
  versions: Placement["versions"];
  bases: Placement["bases"];
}

export interface BaseClusterTables {
  base_cluster: BaseClusterTable;
  base: BaseTable;
  module_placement: ModulePlacementTable;
}
