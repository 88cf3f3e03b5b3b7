import type { GatewayOrder, InstanceStatistics } from "@evenkeel/contracts/gateway-protocol";
import { type HostId, newId, RevisionId, type ServiceId } from "@evenkeel/contracts/id";
import { instanceKey } from "@evenkeel/contracts/route-table";
import { inTransaction } from "@evenkeel/kit/sql";
import { sql, type Transaction } from "kysely";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { adoptWhatRuns, noteFirstReport } from "../backup/index.ts";
import type { Database } from "../database.ts";
import {
  connectGateway,
  type GatewaySocket,
  type Seed,
  seed,
  seedGateway,
  seedHost,
  seedService,
  startReplica,
  type TestReplica,
  until,
} from "../link/testing.ts";
import { confirmation, cutInstance, drainStatus, putUpstreams, raiseVersion, reachedStatus } from "../route/index.ts";
import { readSamples } from "../sample/index.ts";
import { type MigratedDatabase, migratedDatabase, serverKinds } from "../testing.ts";

describe.each(await serverKinds())("the link of gateways on %s", (kind) => {
  let database: MigratedDatabase;
  let world: Seed;
  let hostId: HostId;
  let serviceId: ServiceId;
  let number = 0;
  const replicas: TestReplica[] = [];

  beforeAll(async () => {
    database = await migratedDatabase(kind);
    world = await seed(database.db);
    hostId = await seedHost(database.db, world, "host");
    serviceId = await seedService(database.db, world, "shop");
  });
  afterEach(async () => {
    for (const replica of replicas.splice(0)) await replica.close();
    await database.db.deleteFrom("gateway").execute();
  });
  afterAll(async () => await database.close());

  async function replica(options: Partial<Parameters<typeof startReplica>[0]> = {}): Promise<TestReplica> {
    const made = await startReplica({ ...database, ...options });
    replicas.push(made);
    return made;
  }
  async function gateway() {
    number += 1;
    const name = `g${number}`;
    return { name, gatewayId: await seedGateway(database.db, world, name) };
  }
  const instance = (letter: "a" | "b") => instanceKey(serviceId, hostId, letter);
  const attach = (letter: "a" | "b", drain: ("a" | "b")[] = []) =>
    inTransaction(database.db, (tx) =>
      putUpstreams(tx, {
        ...world,
        put: [
          {
            instance: instance(letter),
            serviceId,
            hostId,
            letter,
            revisionId: newId(RevisionId, "rev"),
            version: "1.0.0",
            zone: "a",
            address: "127.0.0.1",
            port: 20_000,
            weight: 100,
          },
        ],
        drain: drain.map(instance),
        remove: [],
      }),
    );
  const versions = ({ orders }: GatewaySocket): number[] =>
    orders.flatMap((order) => (order.kind === "table" ? [order.table.version] : []));

  test("a gateway that connects with an older table gets the whole one, and is waited for until it says so", async () => {
    const { tableVersion } = await attach("a");
    const { gatewayId, name } = await gateway();
    const socket = await connectGateway(await replica(), gatewayId, { credential: name });
    await until(() => versions(socket).includes(tableVersion));
    const look = () => confirmation(database.db, world.workspaceId, tableVersion);
    expect(await look()).toMatchObject({ confirmed: false, waitingFor: [name], away: [] });
    socket.send({ kind: "applied", epoch: 1, tableVersion });
    await until(async () => (await look()).confirmed);
  });

  test("a change on one replica is pushed by the one that holds the gateway's link", async () => {
    const [holder] = [await replica(), await replica()];
    const { gatewayId, name } = await gateway();
    const { tableVersion: before } = await attach("a");
    const socket = await connectGateway(holder, gatewayId, { credential: name, epoch: 1, tableVersion: before });
    const { tableVersion } = await attach("b", ["a"]);
    await until(() => versions(socket).includes(tableVersion));
    expect(versions(socket)).toEqual([tableVersion]);
  });

  test("a replica that was stopped beyond its lease pushes nothing when it goes on", async () => {
    let stopped = false;
    const stale = await replica({ nowMs: () => performance.now() + (stopped ? 60_000 : 0) });
    const { gatewayId, name } = await gateway();
    const { tableVersion: before } = await attach("a");
    const socket = await connectGateway(stale, gatewayId, { credential: name, epoch: 1, tableVersion: before });
    const other = await connectGateway(await replica(), (await gateway()).gatewayId, { credential: `g${number}` });
    await until(() => versions(other).includes(before));
    // As after SIGCONT: its monotonic clock has run on, and the lease with it.
    stopped = true;
    const { tableVersion } = await attach("b", ["a"]);
    await until(() => versions(other).includes(tableVersion));
    expect(stale.lease.held).toBe(false);
    // It has heard of the change too, and has had the time of two heartbeats to act on it.
    const beats = () => socket.orders.filter(({ kind }) => kind === "heartbeat").length;
    const beaten = beats();
    await until(() => beats() >= beaten + 2);
    expect(versions(socket)).toEqual([]);
  });

  test("a refused table never counts as confirmed, and is offered again", async () => {
    const { gatewayId, name } = await gateway();
    const { tableVersion } = await attach("a");
    const socket = await connectGateway(await replica(), gatewayId, { credential: name });
    await until(() => versions(socket).length === 1);
    const problem = { code: "FILE_DISK_FULL", title: "full", remedy: "free", facts: {} } as const;
    socket.send({ kind: "refused", epoch: 1, tableVersion, problem });
    await until(() => versions(socket).length === 2);
    expect(await confirmation(database.db, world.workspaceId, tableVersion)).toMatchObject({ confirmed: false });
  });

  test("a gateway whose disk was lost is waited for anew", async () => {
    const { gatewayId, name } = await gateway();
    const { tableVersion } = await attach("a");
    const here = await replica();
    const first = await connectGateway(here, gatewayId, { credential: name, epoch: 1, tableVersion });
    await until(async () => (await confirmation(database.db, world.workspaceId, tableVersion)).confirmed);
    await first.close();
    await connectGateway(here, gatewayId, { credential: name, epoch: 0, tableVersion: 0 });
    await until(async () => !(await confirmation(database.db, world.workspaceId, tableVersion)).confirmed);
  });

  test("the newest connection of a gateway supersedes the others, whose word no longer counts", async () => {
    const { gatewayId, name } = await gateway();
    const { tableVersion } = await attach("a");
    const [here, there] = [await replica(), await replica()];
    const old = await connectGateway(here, gatewayId, { credential: name });
    await until(() => versions(old).length > 0);
    const closed = new Promise((resolve) => old.socket.once("close", resolve));
    const next = await connectGateway(there, gatewayId, { credential: name });
    await closed;
    await until(() => versions(next).includes(tableVersion));
  });

  test("drains, reached instances and cuts pass both ways", async () => {
    const { gatewayId, name } = await gateway();
    await attach("a");
    const socket = await connectGateway(await replica(), gatewayId, { credential: name });
    const { tableVersion } = await attach("b", ["a"]);
    await until(() => versions(socket).includes(tableVersion));
    socket.send({ kind: "applied", epoch: 1, tableVersion });
    socket.send({ kind: "reached", tableVersion, instance: instance("b"), reached: true, problem: null });
    socket.send({ kind: "draining", tableVersion, rows: [{ instance: instance("a"), inFlight: 1, longLived: 2 }] });
    await until(async () => (await reachedStatus(database.db, instance("b"))).reached);
    await until(async () => (await drainStatus(database.db, instance("a"))).known);
    expect(await drainStatus(database.db, instance("a"))).toEqual({ known: true, inFlight: 1, longLived: 2 });
    await inTransaction(database.db, (tx) => cutInstance(tx, instance("a")));
    const isCut = (order: GatewayOrder) => order.kind === "cut" && order.instance === instance("a");
    await until(() => socket.orders.some(isCut));
    // A gateway that comes back is told again.
    await socket.close();
    const again = await connectGateway(replicas[0]!, gatewayId, { credential: name, epoch: 1, tableVersion });
    await until(() => again.orders.some(isCut));
  });

  describe("after a restore", () => {
    beforeEach(async () => {
      await attach("a");
      await database.db.deleteFrom("host_report").execute();
      await database.db.updateTable("installation").set({ epoch: 2 }).execute();
      await database.db
        .insertInto("restoration")
        .values({ epoch: 2, taken_at: "2026-01-01T00:00:00Z" })
        .onConflict((conflict) => conflict.column("only_row").doNothing())
        .execute();
    });
    const speaks = async (tx: Transaction<Database>): Promise<boolean> => {
      const isFirst = await noteFirstReport(tx, { ...world, hostId, instances: [] });
      if (isFirst) await adoptWhatRuns(tx, hostId);
      return isFirst;
    };
    const ofBefore = { epoch: 1, tableVersion: 99 };
    const openGateway = async (where: TestReplica, has: object = {}) => {
      const { gatewayId, name } = await gateway();
      return await connectGateway(where, gatewayId, { credential: name, ...has });
    };

    test("a gateway keeps the table that it has until the hosts have said what runs there", async () => {
      const here = await replica();
      const [keeping, empty] = [await openGateway(here, ofBefore), await openGateway(here)];
      await until(() => versions(empty).length > 0);
      const { tableVersion } = await attach("b");
      await until(() => versions(empty).includes(tableVersion));
      expect(versions(keeping)).toEqual([]);
      expect(await inTransaction(database.db, speaks)).toBe(true);
      expect(await inTransaction(database.db, speaks)).toBe(false);
      await until(() => versions(keeping).includes(tableVersion));
    });

    test("the first table that it gets has what the last host said, be that said while it is made", async () => {
      const here = await replica();
      const keeping = await openGateway(here, ofBefore);
      const tableVersion = await inTransaction(database.db, async (tx) => {
        await sql`lock table host_report`.execute(tx);
        const other = await openGateway(here, ofBefore);
        const waiting = sql`select from pg_locks where not granted and relation = 'host_report'::regclass`;
        await until(async () => (await waiting.execute(database.db)).rows.length > 0);
        expect(await speaks(tx)).toBe(true);
        expect([versions(keeping), versions(other)]).toEqual([[], []]);
        return (await raiseVersion(tx, world)).tableVersion;
      });
      await until(() => versions(keeping).includes(tableVersion));
      expect(versions(keeping)).toEqual([tableVersion]);
    });
  });

  test("statistics become samples of the gateway's own workspace, by the database's clock", async () => {
    const { gatewayId, name } = await gateway();
    const here = await replica();
    const elsewhere = await seed(database.db, "two");
    const foreign = await seedService(database.db, elsewhere, "foreign");
    const socket = await connectGateway(here, gatewayId, { credential: name });
    const row = (of: ServiceId): InstanceStatistics => ({
      serviceId: of,
      instance: instance("a"),
      version: "1.0.0",
      requests: 7,
      status2xx: 6,
      status3xx: 0,
      status4xx: 0,
      status5xx: 1,
      connectErrors: 0,
      unavailable: 0,
      cut: 0,
      retries: 0,
      clientAborts: 0,
      inFlight: 2,
      queued: 3,
      connections: 2,
      longLived: 0,
      latency: [3, 4],
    });
    const at = "2001-01-01T00:00:00.000Z";
    await until(() => here.lease.held);
    await until(async () => {
      socket.send({ kind: "statistics", at, windowMs: 1000, sampled: [], rows: [row(serviceId), row(foreign)] });
      const { rowCount } = await count("sample_second");
      return rowCount > 0;
    });
    const samples = await readSamples(database.db, {
      tenantId: world.tenantId,
      serviceId,
      sinceSeconds: 60,
      limit: 10,
    });
    expect(samples.at(-1)).toMatchObject({
      gatewayId,
      requests: 7,
      status5xx: 1,
      latency: [3, 4],
      inFlight: 2,
      queued: 3,
      connections: 2,
    });
    const none = { tenantId: elsewhere.tenantId, serviceId: foreign, sinceSeconds: 60, limit: 10 };
    expect(await readSamples(database.db, none)).toEqual([]);
  });

  async function count(table: string): Promise<{ rowCount: number }> {
    const { rows } = await sql<{ rowCount: number }>`select count(*) as "rowCount" from ${sql.table(table)}`.execute(
      database.db,
    );
    return rows[0]!;
  }
});
