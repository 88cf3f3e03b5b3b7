import { openDatabase } from "@evenkeel/kit/sql";
import { type ServerKind, testDatabase } from "@evenkeel/testkit/database";
import type { Kysely } from "kysely";
import { migrate } from "../migrations/index.ts";
import type { Database } from "./database.ts";

export { serverKinds } from "@evenkeel/testkit/database";

/** A database of its own with every table, for one test file. */
export interface MigratedDatabase {
  readonly db: Kysely<Database>;
  /** For a listener, or for another process. */
  readonly url: string;
  close(): Promise<void>;
}

/** Makes a migrated database; `for (const kind of await serverKinds())` runs a store's tests on every server there is. */
export async function migratedDatabase(kind: ServerKind = "embedded"): Promise<MigratedDatabase> {
  const { url, close } = await testDatabase(kind);
  const db = openDatabase<Database>({ connectionString: url, max: 10 });
  await migrate(db);
  return {
    db,
    url,
    close: async () => {
      await db.destroy();
      await close();
    },
  };
}
