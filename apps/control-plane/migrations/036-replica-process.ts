import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const REPLICA_PROCESS = `
alter table replica add column process jsonb;
create index upstream_by_host on upstream (host_id);
`;

export const replicaProcess: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(REPLICA_PROCESS).execute(db);
  },
};
