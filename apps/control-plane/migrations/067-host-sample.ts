import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** Partitions are made and dropped at run time, see src/sample/store/partition.ts. */
const HOST_SAMPLE = `
create table sample_host (
  at timestamptz not null,
  tenant_id text not null,
  host_id text not null,
  cpu_busy double precision not null,
  load1 double precision not null,
  memory_total_bytes bigint not null,
  memory_available_bytes bigint not null,
  disk_total_bytes bigint not null,
  disk_free_bytes bigint not null
) partition by range (at);
create index sample_host_by_host on sample_host (host_id, at);
create index instance_sample_by_host on instance_sample (host_id, at);
`;

export const hostSample: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(HOST_SAMPLE).execute(db);
  },
};
