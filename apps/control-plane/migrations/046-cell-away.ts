import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** A cell whose traffic goes to its fail-over cell, by a person's word. */
export const cellAway: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw("alter table cell add column away boolean not null default false").execute(db);
  },
};
