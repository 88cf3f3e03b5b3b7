import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** What lists are read by, and old entries found. The slots of a plan's targets name the services that it is about. */
const LISTS = `
create index change_by_tenant on change (tenant_id, id);
create index change_by_service on change using gin (jsonb_path_query_array(plan, '$.targets[*].slot'));
create index audit_by_age on audit (at);
create index upload_by_digest on upload (digest);
create index buildpack_by_digest on buildpack (digest);
`;

export const lists: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(LISTS).execute(db);
  },
};
