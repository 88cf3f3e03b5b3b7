import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** A version is never altered: plans name it, and say what it held. */
const COMMAND_TEMPLATES = `
create table command_template (
  id text primary key,
  tenant_id text not null references tenant(id),
  name text not null,
  version integer not null,
  definition jsonb not null,
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  unique (tenant_id, name, version)
);
`;

export const commandTemplate: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(COMMAND_TEMPLATES).execute(db);
  },
};
