import { readdirSync } from "node:fs";
import { openDatabase } from "@evenkeel/kit/sql";
import { serverKinds, testDatabase } from "@evenkeel/testkit/database";
import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import { migrate } from "../migrations/index.ts";

describe.each(await serverKinds())("migrations on %s", (kind) => {
  test("four processes that start at once make every table once", async () => {
    const { url, close } = await testDatabase(kind);
    const pools = Array.from({ length: 4 }, () => openDatabase<object>({ connectionString: url, max: 2 }));
    await Promise.all(pools.map((db) => migrate(db)));
    const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(pools[0]!);
    const folder = new URL("../migrations/", import.meta.url);
    const files = readdirSync(folder)
      .filter((file) => file !== "index.ts")
      .map((file) => file.replace(/\.ts$/, ""))
      .sort();
    expect(rows.map(({ name }) => name)).toEqual(files);
    await Promise.all(pools.map((db) => db.destroy()));
    await close();
  });

  test("an older version starts beside a newer one that has migrated already", async () => {
    const { url, close } = await testDatabase(kind);
    const db = openDatabase<object>({ connectionString: url, max: 2 });
    await migrate(db);
    await sql`insert into kysely_migration (name, timestamp) values ('999-later', '2999-01-01T00:00:00.000Z')`.execute(
      db,
    );
    await migrate(db);
    await db.destroy();
    await close();
  });
});
