import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** Partitions are made and dropped at run time, see src/sample/store/partition.ts. */
const BASE_SAMPLES = `
create table base_sample (
  at timestamptz not null,
  tenant_id text not null,
  workspace_id text not null,
  base_id text not null,
  cluster_id text,
  window_ms double precision not null,
  cpu_percent double precision not null,
  rss_bytes bigint not null,
  heap_used_bytes bigint not null,
  heap_limit_bytes bigint not null,
  loop_delay_p99_ms double precision not null,
  loop_delay_max_ms double precision not null
) partition by range (at);
create index base_sample_by_tenant on base_sample (tenant_id, at);

create table module_sample (
  at timestamptz not null,
  tenant_id text not null,
  workspace_id text not null,
  base_id text not null,
  cluster_id text,
  window_ms double precision not null,
  cpu_percent double precision not null,
  module text not null,
  version text not null,
  requests integer not null,
  errors integer not null,
  throttled integer not null,
  restarts integer not null,
  in_flight integer not null,
  heap_bytes bigint,
  block_ms double precision not null,
  latency integer[] not null
) partition by range (at);
create index module_sample_by_tenant on module_sample (tenant_id, at);
create index module_sample_by_module on module_sample (tenant_id, module, at);
`;

export const baseSamples: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(BASE_SAMPLES).execute(db);
  },
};
