import type { BaseClusterId, BaseId, Name, TenantId, WorkspaceId } from "@evenkeel/contracts/id";

interface WindowColumns {
  /** Its end, by the database's clock. */
  at: string;
  tenant_id: TenantId;
  workspace_id: WorkspaceId;
  base_id: BaseId;
  /** Where the base was then. */
  cluster_id: BaseClusterId | null;
  window_ms: number;
  cpu_percent: number;
}

interface BaseSampleTable extends WindowColumns {
  rss_bytes: number;
  heap_used_bytes: number;
  heap_limit_bytes: number;
  loop_delay_p99_ms: number;
  loop_delay_max_ms: number;
}

interface ModuleSampleTable extends WindowColumns {
  module: Name;
  version: string;
  requests: number;
  errors: number;
  throttled: number;
  restarts: number;
  in_flight: number;
  heap_bytes: number | null;
  block_ms: number;
  /** Counts per bucket of MODULE_LATENCY_BOUNDS_MS, zeros at the end left out. */
  latency: number[];
}

export interface BaseWindowTables {
  base_sample: BaseSampleTable;
  module_sample: ModuleSampleTable;
}
