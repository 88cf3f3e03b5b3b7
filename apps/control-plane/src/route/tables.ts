import type { GatewayId, HostId, RevisionId, RouteId, ServiceId, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import type { InstanceKey } from "@evenkeel/contracts/route-table";
import type { Generated } from "kysely";

interface RouteTableTable {
  workspace_id: WorkspaceId;
  tenant_id: TenantId;
  version: number;
}

interface RouteRow {
  id: RouteId;
  tenant_id: TenantId;
  workspace_id: WorkspaceId;
  service_id: ServiceId;
  host: string;
  path: string;
  created_at: Generated<string>;
}

/** One row per instance that may take traffic. */
interface UpstreamTable {
  instance: InstanceKey;
  tenant_id: TenantId;
  workspace_id: WorkspaceId;
  service_id: ServiceId;
  host_id: HostId;
  letter: "a" | "b";
  revision_id: RevisionId;
  /** Of the package. */
  version: string;
  zone: string;
  address: string;
  port: number;
  weight: number;
  state: "attached" | "draining";
  /** The table version that brought it into this state. */
  state_version: number;
  /** What is in flight on it is to be cut. */
  cut: Generated<boolean>;
  healthy: Generated<boolean>;
  unhealthy_at: string | null;
}

interface DrainReportTable {
  gateway_id: GatewayId;
  instance: InstanceKey;
  tenant_id: TenantId;
  table_version: number;
  in_flight: number;
  long_lived: number;
}

interface ReachReportTable {
  gateway_id: GatewayId;
  instance: InstanceKey;
  tenant_id: TenantId;
  table_version: number;
  reached: boolean;
  problem: string | null;
}

export interface RouteTables {
  route_table: RouteTableTable;
  route: RouteRow;
  upstream: UpstreamTable;
  drain_report: DrainReportTable;
  reach_report: ReachReportTable;
}
