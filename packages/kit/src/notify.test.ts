import { serverKinds, type TestDatabase, testDatabase } from "@evenkeel/testkit/database";
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Listener, notify, openListener } from "./notify.ts";
import { inTransaction, openDatabase } from "./sql.ts";

describe.each(await serverKinds())("notifications on %s", (kind) => {
  let database: TestDatabase;
  let db: Kysely<object>;
  let listener: Listener;
  const errors: unknown[] = [];
  beforeAll(async () => {
    database = await testDatabase(kind);
    db = openDatabase<object>({ connectionString: database.url, max: 3 });
    listener = await openListener({ connectionString: database.url, onError: (error) => errors.push(error) });
  });
  afterAll(async () => {
    await listener.close();
    await db.destroy();
    await database.close();
  });

  async function hearing(channel: string): Promise<(string | null)[]> {
    const heard: (string | null)[] = [];
    listener.on(channel, (payload) => void heard.push(payload));
    await expect.poll(() => heard).toEqual([null]);
    return heard;
  }

  test("what is committed is heard in its order, what is undone is not", async () => {
    const heard = await hearing("orders");
    await inTransaction(db, async (tx) => {
      await notify(tx, "orders", "one");
      await notify(tx, "orders", "two");
    });
    await inTransaction(db, async (tx) => {
      await notify(tx, "orders", "undone");
      throw new Error("undo");
    }).catch(() => undefined);
    await notify(db, "orders", "three");
    await expect.poll(() => heard).toEqual([null, "one", "two", "three"]);
  });

  test("a handler that throws is reported and harms no other", async () => {
    listener.on("shared", () => {
      throw new Error("a handler failed");
    });
    const heard = await hearing("shared");
    await notify(db, "shared", "to all");
    await expect.poll(() => heard).toEqual([null, "to all"]);
    expect(errors.map(String)).toContain("Error: a handler failed");
  });

  test("a handler that was taken off hears nothing any more", async () => {
    const heard: (string | null)[] = [];
    const off = listener.on("leaving", (payload) => void heard.push(payload));
    const stays = await hearing("leaving");
    off();
    await notify(db, "leaving", "after");
    await expect.poll(() => stays).toEqual([null, "after"]);
    expect(heard).toEqual([null]);
  });

  test("after its connection broke everybody is told to look, and hears again", async () => {
    const heard = await hearing("broken");
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and query ilike 'listen%' and pid <> pg_backend_pid()`.execute(db);
    await expect.poll(() => heard, { timeout: 10_000 }).toEqual([null, null]);
    expect(listener.connected).toBe(true);
    await notify(db, "broken", "again");
    await expect.poll(() => heard).toEqual([null, null, "again"]);
  });
});
