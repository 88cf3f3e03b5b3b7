import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** Partitions are made and dropped at run time, see src/sample/store/partition.ts. */
const INSTANCE_SAMPLE = `
create table instance_sample (
  at timestamptz not null,
  tenant_id text not null,
  workspace_id text not null,
  service_id text not null,
  host_id text not null,
  letter text not null,
  revision_id text not null,
  state text not null,
  restarts integer not null,
  memory_bytes bigint not null,
  cpu_ms bigint not null
) partition by range (at);
create index instance_sample_by_service on instance_sample (service_id, at);
`;

export const instanceSample: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(INSTANCE_SAMPLE).execute(db);
  },
};
