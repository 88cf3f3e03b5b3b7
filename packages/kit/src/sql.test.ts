import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serverKinds, type TestDatabase, testDatabase } from "@evenkeel/testkit/database";
import { type Generated, type Kysely, sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inTransaction, json, openDatabase } from "./sql.ts";
import { CommitUnknown, isUniqueViolation } from "./sql-error.ts";

interface Thing {
  id: Generated<number>;
  name: string;
  tags: string[];
  at: Generated<string>;
}
interface Things {
  thing: Thing;
}

describe.each(await serverKinds())("SQL on %s", (kind) => {
  let database: TestDatabase;
  let db: Kysely<Things>;
  beforeAll(async () => {
    database = await testDatabase(kind);
    db = openDatabase<Things>({ connectionString: database.url, max: 5 });
    await sql`create table thing (id bigserial primary key, name text not null unique, tags jsonb not null default '[]',
      at timestamptz not null default now())`.execute(db);
  });
  afterAll(async () => {
    await db.destroy();
    await database.close();
  });
  const insert = (name: string, tags: string[] = []) => db.insertInto("thing").values({ name, tags: json(tags) });
  const exists = async (name: string) =>
    (await db.selectFrom("thing").select("id").where("name", "=", name).executeTakeFirst()) !== undefined;
  const ofName = (name: string) =>
    db.selectFrom("thing").selectAll().where("name", "=", name).executeTakeFirstOrThrow();

  test("bigint is a number, a moment is ISO 8601 in UTC, a list in jsonb is a list", async () => {
    await insert("codecs", ["a", 'b"c', "ü"]).execute();
    expect(await ofName("codecs")).toEqual({
      id: expect.any(Number),
      name: "codecs",
      tags: ["a", 'b"c', "ü"],
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    const { rows } = await sql<{ at: string }>`select '2026-03-01 12:00:00+05:30'::timestamptz as at`.execute(db);
    expect(rows[0]?.at).toBe("2026-03-01T06:30:00.000Z");
  });

  test("a bigint that no number holds is an error, never another value", async () => {
    await expect(sql`select 9007199254740993::bigint as big`.execute(db)).rejects.toThrow("9007199254740993");
  });

  test("a statement that is asked often is prepared, and a column that is added does not break it", async () => {
    const one = openDatabase<Things>({ connectionString: database.url, max: 1 });
    const named = (name: string) => one.selectFrom("thing").select(["id", "name"]).where("name", "=", name);
    const whole = (name: string) => one.selectFrom("thing").selectAll().where("name", "=", name);
    await insert("often").execute();
    for (let asked = 0; asked < 10; asked += 1) {
      expect(await named("often").execute()).toMatchObject([{ name: "often" }]);
      expect(await whole("often").execute()).toMatchObject([{ name: "often" }]);
    }
    const { rows } = await sql<{ statement: string }>`select statement from pg_prepared_statements`.execute(one);
    expect(rows.map((row) => row.statement)).toEqual([named("often").compile().sql]);
    await sql`alter table thing add column added text not null default 'later'`.execute(db);
    expect(await named("often").execute()).toEqual([{ id: expect.any(Number), name: "often" }]);
    expect(await whole("often").execute()).toMatchObject([{ added: "later" }]);
    await sql`alter table thing drop column added`.execute(db);
    await one.destroy();
  });

  test("what a transaction did before it threw is not there", async () => {
    const failing = inTransaction(db, async (tx) => {
      await tx
        .insertInto("thing")
        .values({ name: "undone", tags: json([]) })
        .execute();
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect(await exists("undone")).toBe(false);
  });

  test("a transaction that hid a failed statement is not taken for a commit", async () => {
    await insert("twice").execute();
    const hiding = inTransaction(db, async (tx) => {
      await tx
        .insertInto("thing")
        .values({ name: "before the failure", tags: json([]) })
        .execute();
      await tx
        .insertInto("thing")
        .values({ name: "twice", tags: json([]) })
        .execute()
        .catch(() => undefined);
    });
    await expect(hiding).rejects.toThrow();
    expect(await exists("before the failure")).toBe(false);
  });

  test("a second row with the same key is told by the name of its constraint", async () => {
    await insert("unique").execute();
    const error = await insert("unique")
      .execute()
      .catch((thrown: unknown) => thrown);
    expect(isUniqueViolation(error, "thing_name_key")).toBe(true);
    expect(isUniqueViolation(error, "thing_pkey")).toBe(false);
  });

  test("text that cannot be stored is bad input", async () => {
    await expect(insert("nul\0").execute()).rejects.toMatchObject({ code: "INPUT_INVALID" });
    await expect(insert("ok", ["nul\0"]).execute()).rejects.toMatchObject({ code: "INPUT_INVALID" });
  });

  test("of two transactions that lock in opposite order both end, one of them by running again", async () => {
    const [one, two] = [await insertedId("lock-1"), await insertedId("lock-2")];
    let [runs, locked] = [0, 0];
    const met = Promise.withResolvers<void>();
    const lockBoth = (first: number, second: number) =>
      inTransaction(db, async (tx) => {
        runs += 1;
        const lock = (id: number) => tx.selectFrom("thing").select("id").where("id", "=", id).forUpdate().execute();
        await lock(first);
        locked += 1;
        if (locked === 2) met.resolve();
        await met.promise;
        await lock(second);
      });
    await Promise.all([lockBoth(one, two), lockBoth(two, one)]);
    expect(runs).toBeGreaterThan(2);
  });

  async function insertedId(name: string): Promise<number> {
    return (await insert(name).returning("id").executeTakeFirstOrThrow()).id;
  }

  test("a session that the server ends is UNAVAILABLE to its transaction, and the next query has another", async () => {
    const ended = inTransaction(db, async (tx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
      await sql`select pg_terminate_backend(${rows[0]!.pid})`.execute(db);
      await sql`select 1`.execute(tx);
    });
    await expect(ended).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect((await sql`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }]);
  });

  test("a process that stands still inside a transaction gives its rows free, and commits nothing when it goes on", async () => {
    const id = await insertedId("held");
    const [held, others] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const set = (tx: Kysely<Things>, name: string) =>
      tx.updateTable("thing").set({ name }).where("id", "=", id).execute();
    const still = inTransaction(db, async (tx) => {
      await set(tx, "by the one that stood still");
      held.resolve();
      await others.promise;
    });
    await held.promise;
    await set(db, "by another");
    others.resolve();
    await expect(still).rejects.toThrow();
    expect(await exists("by another")).toBe(true);
  });

  test("a COMMIT whose answer is lost is told as such, and what it did is found by reading", async () => {
    const folder = await mkdtemp(join(tmpdir(), "evenkeel-cut-"));
    const server = await proxyThatCutsCommits(database.url, join(folder, ".s.PGSQL.5432"));
    const url = new URL(database.url.replace("@/", "@localhost/"));
    const user = url.username;
    const name = url.pathname.slice(1);
    const cut = openDatabase<Things>({ connectionString: `postgres://${user}@/${name}?host=${folder}`, max: 1 });
    const lost = inTransaction(cut, (tx) =>
      tx
        .insertInto("thing")
        .values({ name: "answer lost", tags: json([]) })
        .execute(),
    );
    await expect(lost).rejects.toBeInstanceOf(CommitUnknown);
    await expect.poll(() => exists("answer lost")).toBe(true);
    await cut.destroy();
    server.close();
    await rm(folder, { recursive: true });
  });

  test("a server that is not there is UNAVAILABLE", async () => {
    const nowhere = openDatabase<Things>({ connectionString: "postgres://nobody@/none?host=/nonexistent", max: 1 });
    await expect(sql`select 1`.execute(nowhere)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await nowhere.destroy();
  });
});

/** Lets everything through but the answers to COMMIT: there it cuts the client off. */
async function proxyThatCutsCommits(databaseUrl: string, socketPath: string): Promise<Server> {
  const parameters = new URL(databaseUrl.replace("@/", "@localhost/")).searchParams;
  const real = `${parameters.get("host")}/.s.PGSQL.${parameters.get("port") ?? "5432"}`;
  const server = createServer((client) => {
    const upstream = connect(real);
    let committing = false;
    client.on("data", (chunk) => {
      committing ||= chunk.includes("commit");
      upstream.write(chunk);
    });
    upstream.on("data", (chunk) => {
      if (committing) client.destroy();
      else client.write(chunk);
    });
    for (const end of [client, upstream]) {
      end.on("error", () => undefined);
      end.on("close", () => {
        client.destroy();
        upstream.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return server;
}
