import type { GatewayId, HostId, ServiceId, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import type { InstanceKey } from "@evenkeel/contracts/route-table";

interface SampleTable {
  at: string;
  tenant_id: TenantId;
  workspace_id: WorkspaceId;
  gateway_id: GatewayId;
  service_id: ServiceId;
  instance: InstanceKey | null;
  version: string;
  window_ms: number;
  requests: number;
  status_2xx: number;
  status_3xx: number;
  status_4xx: number;
  status_5xx: number;
  connect_errors: number;
  unavailable: number;
  cut: number;
  retries: number;
  client_aborts: number;
  in_flight: number;
  long_lived: number;
  /** Counts per bucket of LATENCY_BOUNDS_MS, and one more. */
  latency: number[];
  queued: number;
  connections: number;
}

interface SampleProgressTable {
  only_row: boolean;
  minutes_until: string;
}

interface HostSampleTable {
  at: string;
  tenant_id: TenantId;
  host_id: HostId;
  cpu_busy: number;
  load1: number;
  memory_total_bytes: number;
  memory_available_bytes: number;
  disk_total_bytes: number;
  disk_free_bytes: number;
}

export interface SampleTables {
  sample_host: HostSampleTable;
  sample_second: SampleTable;
  sample_minute: SampleTable;
  sample_progress: SampleProgressTable;
}
