import { serverKinds, type TestDatabase, testDatabase } from "@evenkeel/testkit/database";
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "./clock.ts";
import { type LeaseDatabase, LeaseLost, openReplicaLease } from "./lease.ts";
import { inTransaction, openDatabase } from "./sql.ts";

describe.each(await serverKinds())("the lease of a replica on %s", (kind) => {
  let database: TestDatabase;
  let db: Kysely<LeaseDatabase>;
  beforeAll(async () => {
    database = await testDatabase(kind);
    db = openDatabase<LeaseDatabase>({ connectionString: database.url, max: 5 });
    await sql`create table replica (id text primary key, url text not null, version text not null,
      lease_until timestamptz not null, process jsonb, started_at timestamptz not null default now())`.execute(db);
  });
  afterAll(async () => {
    await db.destroy();
    await database.close();
  });

  const open = (times: { ttlMs: number; renewMs: number }) => {
    const throwIt = (error: unknown): never => {
      throw error;
    };
    return openReplicaLease({
      db,
      clock: systemClock(db),
      url: "http://here",
      version: "1",
      onError: throwIt,
      ...times,
    });
  };
  const expire = (id: string) =>
    sql`update replica set lease_until = clock_timestamp() - interval '1 second' where id = ${id}`.execute(db);

  test("lives as long as it is renewed, and is gone at once when it is given back", async () => {
    const lease = await open({ ttlMs: 400, renewMs: 50 });
    const first = await db
      .selectFrom("replica")
      .select("lease_until")
      .where("id", "=", lease.id)
      .executeTakeFirstOrThrow();
    await expect
      .poll(
        async () => await db.selectFrom("replica").select("lease_until").where("id", "=", lease.id).executeTakeFirst(),
      )
      .not.toEqual(first);
    expect(lease.held).toBe(true);
    await lease.check(db);
    await lease.close();
    expect(lease.held).toBe(false);
    await expect(lease.check(db)).rejects.toBeInstanceOf(LeaseLost);
    expect(await db.selectFrom("replica").select("id").where("id", "=", lease.id).execute()).toEqual([]);
  });

  test("a lease that was written before the clock was set back ends within the time of any other", async () => {
    const dead = "rpl_before00000000000000";
    await sql`insert into replica (id, url, version, lease_until)
      values (${dead}, 'http://elsewhere', '1', clock_timestamp() + interval '1 hour')`.execute(db);
    const lease = await open({ ttlMs: 400, renewMs: 50 });
    const lives = async () =>
      (await sql`select id from replica where id = ${dead} and lease_until > clock_timestamp()`.execute(db)).rows;
    await expect.poll(lives, { timeout: 30_000 }).toEqual([]);
    await lease.check(db);
    await lease.close();
  });

  test("whoever starts ends the leases of processes that it sees dead, and no others", async () => {
    const lease = await open({ ttlMs: 60_000, renewMs: 20_000 });
    const mine = await db.selectFrom("replica").selectAll().where("id", "=", lease.id).executeTakeFirstOrThrow();
    const { process } = mine;
    if (process === null) throw new Error("a replica says which process it is");
    // The same pid, but started at another time: that process is gone.
    const gone = { ...process, startTicks: process.startTicks + 1 };
    const others = {
      rpl_alive: process,
      rpl_gone: gone,
      rpl_elsewhere: { ...gone, bootId: "another machine" },
      rpl_container: { ...gone, pidNamespace: "pid:[1]" },
    };
    for (const [id, its] of Object.entries(others)) {
      await sql`insert into replica (id, url, version, lease_until, process)
        values (${id}, 'http://there', '1', clock_timestamp() + interval '1 minute', ${JSON.stringify(its)}::jsonb)`.execute(
        db,
      );
    }
    const next = await open({ ttlMs: 60_000, renewMs: 20_000 });
    const { rows } = await sql<{ id: string }>`
      select id from replica where lease_until > clock_timestamp() order by id`.execute(db);
    const living = rows.map(({ id }) => id).filter((id) => id in others);
    expect(living).toEqual(["rpl_alive", "rpl_container", "rpl_elsewhere"]);
    await sql`delete from replica where url = 'http://there'`.execute(db);
    await lease.close();
    await next.close();
  });

  test("a lease that ran out is never renewed: the replica hears of it and comes back under another id", async () => {
    const lease = await open({ ttlMs: 60_000, renewMs: 200 });
    const { id } = lease;
    const lost = new Promise<string>((resolve) => lease.onLost(resolve));
    await expire(id);
    await expect(lease.check(db)).rejects.toBeInstanceOf(LeaseLost);
    expect(await lost).toBe(id);
    expect(lease.id).not.toBe(id);
    expect(lease.held).toBe(true);
    await lease.check(db);
    await lease.close();
  });

  test("here it counts as lost no later than in the database", async () => {
    const lease = await open({ ttlMs: 150, renewMs: 60_000 });
    const { id } = lease;
    const alive = sql<{
      alive: boolean;
    }>`select lease_until > clock_timestamp() as alive from replica where id = ${id}`;
    await expect
      .poll(
        async () => {
          // Asked before the database is: the other way round the time between the two questions would count.
          const { held } = lease;
          const { rows } = await alive.execute(db);
          return held ? "held" : rows[0]?.alive === true ? "given up while it lives" : "over";
        },
        { interval: 1 },
      )
      .not.toBe("held");
    expect(lease.held).toBe(false);
    await lease.close();
  });

  test("a transaction that checked the lease keeps its row, and renewals pass all the same", async () => {
    const lease = await open({ ttlMs: 60_000, renewMs: 20 });
    const read = () => db.selectFrom("replica").select("lease_until").where("id", "=", lease.id).executeTakeFirst();
    await inTransaction(db, async (tx) => {
      await lease.check(tx);
      const before = await read();
      await expect.poll(read).not.toEqual(before);
      const removal = sql`set lock_timeout = '50ms'; delete from replica where id = ${sql.lit(lease.id)}; reset lock_timeout`;
      await expect(removal.execute(db)).rejects.toThrow("lock timeout");
    });
    await lease.close();
  });
});
