import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const STEP_BLOCKED_BY = `
alter table change_step add column blocked_by jsonb;
`;

export const stepBlockedBy: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(STEP_BLOCKED_BY).execute(db);
  },
};
