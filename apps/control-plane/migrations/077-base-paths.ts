import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** With a default: a control plane of before goes on inserting beside this one. */
export const basePaths: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`alter table base add column paths text[] not null default '{}'`.execute(db);
  },
};
