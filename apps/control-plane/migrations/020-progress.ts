import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** For how long a change has got no further, counted from the point at which `idle_mark` names how far it was. */
const PROGRESS = `
alter table change add column idle_ms bigint not null default 0;
alter table change add column idle_mark text;
`;

export const progress: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(PROGRESS).execute(db);
  },
};
