import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** Whoever watches a change asks with each look which of its steps wait; few of thousands do. */
export const stepsThatWait: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`create index change_step_waiting on change_step (change_id) where waiting_for is not null`.execute(db);
  },
};
