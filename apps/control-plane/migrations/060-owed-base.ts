import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** Bases that a change of their modules has left out. */
const OWED = `
create table owed_base (
  service_id text not null references service(id) on delete cascade,
  host_id text not null references host(id) on delete cascade,
  tenant_id text not null,
  because_of text not null,
  change_id text,
  tried_at timestamptz,
  since timestamptz not null default clock_timestamp(),
  primary key (service_id, host_id)
);
create index owed_base_by_host on owed_base (host_id);
`;

export const owedBase: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(OWED).execute(db);
  },
};
