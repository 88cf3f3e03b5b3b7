import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/**
 * Each of these rows is updated a few times soon after it was made, in no column that an index names. With room for that on its page no index is
 * written; without it, as of 99 in a hundred updates of 10,000 targets, all of them are. Pages that are full already fill up as before.
 */
const ROOM_FOR_UPDATES = `
alter table host set (fillfactor = 50);
alter table change_target set (fillfactor = 40);
alter table change_step set (fillfactor = 40);
alter table command set (fillfactor = 50);
`;

export const roomForUpdates: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(ROOM_FOR_UPDATES).execute(db);
  },
};
