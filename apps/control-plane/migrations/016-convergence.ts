import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** What a host has missed of a service: `running` = the service's revision is to stand there, else nothing. */
const OWED = `
create table owed_slot (
  service_id text not null references service(id) on delete cascade,
  host_id text not null references host(id) on delete cascade,
  tenant_id text not null,
  running boolean not null,
  because_of text not null,
  change_id text,
  tried_at timestamptz,
  since timestamptz not null default clock_timestamp(),
  primary key (service_id, host_id)
);
create index owed_slot_by_host on owed_slot (host_id);
`;

export const convergence: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(OWED).execute(db);
  },
};
