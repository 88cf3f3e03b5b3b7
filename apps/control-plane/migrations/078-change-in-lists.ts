import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** What a list tells of a plan, beside it. Null of a change of before, or of a control plane of before: its plan is read then. */
export const changeInLists: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`alter table change add column target_count integer, add column irreversible text`.execute(db);
  },
};
