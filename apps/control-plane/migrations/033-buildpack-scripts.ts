import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

// Path → digest of its text: plans say which scripts differ without reading objects.
const SCRIPTS = `alter table buildpack add column scripts jsonb not null default '{}'`;

export const buildpackScripts: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(SCRIPTS).execute(db);
  },
};
