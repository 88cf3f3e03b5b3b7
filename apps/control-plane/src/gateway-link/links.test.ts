import type { GatewayOrder, InstanceStatistics } from "@evenkeel/contracts/gateway-protocol";
import { type HostId, newId, RevisionId, type ServiceId } from "@evenkeel/contracts/id";
import { instanceKey } from "@evenkeel/contracts/route-table";
import { inTransaction } from "@evenkeel/kit/sql";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { adoptWhatRuns, noteFirstReport } from "../backup/index.ts";
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
import { confirmation, cutInstance, drainStatus, putUpstreams, reachedStatus } from "../route/index.ts";
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

  test("after a restore a gateway keeps the table that it has until the hosts have said what runs there", async () => {
    await attach("a");
    await database.db.updateTable("installation").set({ epoch: 2 }).execute();
    await database.db.insertInto("restoration").values({ epoch: 2, taken_at: "2026-01-01T00:00:00Z" }).execute();
    const here = await replica();
    const [old, fresh] = [await gateway(), await gateway()];
    const keeping = await connectGateway(here, old.gatewayId, { credential: old.name, epoch: 1, tableVersion: 99 });
    const empty = await connectGateway(here, fresh.gatewayId, { credential: fresh.name });
    await until(() => versions(empty).length > 0);
    const { tableVersion } = await attach("b");
    await until(() => versions(empty).includes(tableVersion));
    expect(versions(keeping)).toEqual([]);
    await inTransaction(database.db, async (tx) => {
      expect(await noteFirstReport(tx, { ...world, hostId, instances: [] })).toBe(true);
      expect(await noteFirstReport(tx, { ...world, hostId, instances: [] })).toBe(false);
      await adoptWhatRuns(tx, hostId);
    });
    await until(() => versions(keeping).includes(tableVersion));
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
