import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** The last restore, and what ran where by the backup: compared with what the hosts say when they come back. */
const BACKUP = `
create table restoration (
  only_row boolean primary key default true check (only_row),
  epoch integer not null,
  taken_at timestamptz not null,
  restored_at timestamptz not null default clock_timestamp()
);
create table restoration_instance (
  tenant_id text not null,
  host_id text not null,
  service_id text not null,
  letter text not null,
  revision_id text not null,
  state text not null,
  primary key (host_id, service_id, letter)
);
create table host_report (
  host_id text primary key references host(id) on delete cascade,
  tenant_id text not null,
  epoch integer not null,
  instances jsonb not null
);
`;

export const backup: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(BACKUP).execute(db);
  },
};
