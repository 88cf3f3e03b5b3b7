import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** Last of the columns, with a default: a control plane of before goes on inserting beside this one. */
const COLUMNS = "add column queued integer not null default 0, add column connections integer not null default 0";

export const queueAndConnections: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const table of ["sample_second", "sample_minute"])
      await sql`alter table ${sql.table(table)} ${sql.raw(COLUMNS)}`.execute(db);
  },
};
