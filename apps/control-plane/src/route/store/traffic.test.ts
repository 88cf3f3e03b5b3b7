import { type HostId, newId, RevisionId, type ServiceId } from "@evenkeel/contracts/id";
import { type InstanceKey, instanceKey } from "@evenkeel/contracts/route-table";
import { inTransaction } from "@evenkeel/kit/sql";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Seed, seed, seedGateway, seedHost, seedService } from "../../link/testing.ts";
import { type MigratedDatabase, migratedDatabase, serverKinds } from "../../testing.ts";
import {
  confirmation,
  drainStatus,
  type NewUpstream,
  putUpstreams,
  type ReportingGateway,
  reachedStatus,
  recordDraining,
  recordReached,
  renderTable,
  reportHealth,
  routesOf,
  setRoutes,
} from "./index.ts";

describe.each(await serverKinds())("routes and traffic on %s", (kind) => {
  let database: MigratedDatabase;
  let world: Seed;
  let hosts: HostId[];
  let shop: ServiceId;
  let number = 0;

  beforeAll(async () => {
    database = await migratedDatabase(kind);
  });
  afterAll(async () => await database.close());
  // Each test has a tenant and a workspace of its own.
  beforeEach(async () => {
    number += 1;
    world = await seed(database.db, `tenant-${number}`);
    hosts = [await seedHost(database.db, world, `h1-${number}`), await seedHost(database.db, world, `h2-${number}`)];
    shop = await seedService(database.db, world, "shop");
  });

  const upstream = (hostId: HostId, serviceId = shop, weight = 100): NewUpstream => ({
    instance: instanceKey(serviceId, hostId, "a"),
    serviceId,
    hostId,
    letter: "a",
    revisionId: newId(RevisionId, "rev"),
    version: "1.0.0",
    zone: "a",
    address: "127.0.0.1",
    port: 20_000,
    weight,
  });
  const put = (change: { put?: NewUpstream[]; drain?: InstanceKey[]; remove?: InstanceKey[] }) =>
    inTransaction(database.db, (tx) => putUpstreams(tx, { ...world, put: [], drain: [], remove: [], ...change }));
  const shown = async () =>
    (await renderTable(database.db, world.workspaceId)).services.flatMap(({ upstreams }) =>
      upstreams.map(({ instance, draining }) => ({ instance, draining })),
    );
  const gateway = async (name: string): Promise<ReportingGateway> => ({
    ...world,
    gatewayId: await seedGateway(database.db, world, `${name}-${number}`),
  });
  const acknowledge = (who: ReportingGateway, tableVersion: number, epoch = 1) =>
    database.db
      .updateTable("gateway")
      .set({ acked_epoch: epoch, acked_version: tableVersion })
      .where("id", "=", who.gatewayId)
      .execute();

  test("the same routes again are no new version, other ones are, and those left out go", async () => {
    const set = (paths: string[], keepOthers = false) =>
      inTransaction(database.db, (tx) =>
        setRoutes(tx, { ...world, serviceId: shop, keepOthers, routes: paths.map((path) => ({ host: "*", path })) }),
      );
    expect(await set(["/", "/a"])).toMatchObject({ epoch: 1, tableVersion: 1 });
    expect(await set(["/a", "/"])).toBeNull();
    expect(await set(["/"], true)).toBeNull();
    expect(await set(["/b"], true)).toMatchObject({ tableVersion: 2 });
    expect(await set(["/b"])).toMatchObject({ tableVersion: 3 });
    expect(await routesOf(database.db, shop)).toEqual([{ host: "*", path: "/b" }]);
  });

  test("a route of another service is refused by name, and nothing has changed", async () => {
    const other = await seedService(database.db, world, "other");
    const routes = [{ host: "shop.localhost", path: "/" }];
    const set = (serviceId: ServiceId, more: string[] = []) =>
      inTransaction(database.db, (tx) =>
        setRoutes(tx, {
          ...world,
          serviceId,
          keepOthers: false,
          routes: [...more.map((path) => ({ host: "x", path })), ...routes],
        }),
      );
    await set(shop);
    await expect(set(other, ["/new"])).rejects.toMatchObject({
      code: "ROUTE_TAKEN",
      facts: { host: "shop.localhost", path: "/", service: "shop" },
    });
    expect(await routesOf(database.db, other)).toEqual([]);
    expect((await renderTable(database.db, world.workspaceId)).version).toBe(1);
  });

  test("many services change at once: every change has a version of its own, and none waits for ever", async () => {
    const services = await Promise.all([1, 2, 3, 4].map((n) => seedService(database.db, world, `s${n}`)));
    const changes = [1, 2, 3].flatMap(() =>
      services.map((serviceId) =>
        put({
          put: hosts.map((host) => upstream(host, serviceId)),
          drain: hosts.map((h) => instanceKey(shop, h, "a")),
        }),
      ),
    );
    const versions = (await Promise.all(changes)).map(({ tableVersion }) => tableVersion);
    expect(versions.sort((one, two) => one - two)).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
  });

  test("one version brings the new instance in and lets the old one drain", async () => {
    const [one, two] = [upstream(hosts[0]!), upstream(hosts[1]!)];
    await put({ put: [one] });
    expect(await put({ put: [two], drain: [one.instance] })).toMatchObject({ tableVersion: 2 });
    expect(await shown()).toEqual(
      [
        { instance: one.instance, draining: true },
        { instance: two.instance, draining: false },
      ].sort((a, b) => (a.instance < b.instance ? -1 : 1)),
    );
    await put({ remove: [one.instance] });
    expect(await shown()).toEqual([{ instance: two.instance, draining: false }]);
  });

  test("a sick instance leaves the table and comes back, each by a new version; the last one stays", async () => {
    const [one, two] = [upstream(hosts[0]!), upstream(hosts[1]!)];
    await put({ put: [one, two] });
    const report = (instance: InstanceKey, healthy: boolean) =>
      inTransaction(database.db, (tx) => reportHealth(tx, [{ instance, healthy }]));
    const version = async () => (await renderTable(database.db, world.workspaceId)).version;
    await report(one.instance, true);
    expect(await version()).toBe(1);
    await report(one.instance, false);
    await report(one.instance, false);
    expect(await version()).toBe(2);
    expect(await shown()).toEqual([{ instance: two.instance, draining: false }]);
    await report(two.instance, false);
    expect(await shown()).toEqual([{ instance: two.instance, draining: false }]);
    await report(one.instance, true);
    expect(await shown()).toEqual([{ instance: one.instance, draining: false }]);
    expect(await version()).toBe(4);
  });

  test("a version is confirmed when every gateway runs on it; one that is away is named; a removed one is not waited for", async () => {
    const [near, far] = [await gateway("near"), await gateway("far")];
    const { tableVersion } = await put({ put: [upstream(hosts[0]!)] });
    const look = () => confirmation(database.db, world.workspaceId, tableVersion);
    const names = [`far-${number}`, `near-${number}`];
    expect(await look()).toEqual({ confirmed: false, waitingFor: names, away: names, gateways: 2 });
    await acknowledge(near, tableVersion + 3);
    expect(await look()).toMatchObject({ confirmed: false, waitingFor: [`far-${number}`] });
    // A later version of an older epoch is of another life of the installation.
    await acknowledge(far, tableVersion + 100, 0);
    expect(await look()).toMatchObject({ confirmed: false });
    await database.db.deleteFrom("gateway").where("id", "=", far.gatewayId).execute();
    expect(await look()).toEqual({ confirmed: true, waitingFor: [], away: [], gateways: 1 });
  });

  test("a drain is known only when every gateway has counted since it began", async () => {
    const [first, second] = [await gateway("first"), await gateway("second")];
    const { instance } = upstream(hosts[0]!);
    await put({ put: [upstream(hosts[0]!), upstream(hosts[1]!)] });
    const { tableVersion } = await put({ drain: [instance] });
    const count = (who: ReportingGateway, version: number, inFlight: number) =>
      inTransaction(database.db, (tx) =>
        recordDraining(tx, who, { tableVersion: version, rows: [{ instance, inFlight, longLived: 0 }] }),
      );
    for (const who of [first, second]) await acknowledge(who, tableVersion);
    await count(first, tableVersion, 0);
    expect(await drainStatus(database.db, instance)).toMatchObject({ known: false });
    // Counted before it began to drain: new requests may have come since.
    await count(second, tableVersion - 1, 0);
    expect(await drainStatus(database.db, instance)).toMatchObject({ known: false });
    await count(second, tableVersion, 2);
    expect(await drainStatus(database.db, instance)).toEqual({ known: true, inFlight: 2, longLived: 0 });
    await count(second, tableVersion - 1, 9);
    expect(await drainStatus(database.db, instance)).toEqual({ known: true, inFlight: 2, longLived: 0 });
    await count(second, tableVersion, 0);
    expect(await drainStatus(database.db, instance)).toEqual({ known: true, inFlight: 0, longLived: 0 });
  });

  test("an instance that is still attached is never reported as drained", async () => {
    await put({ put: [upstream(hosts[0]!)] });
    expect(await drainStatus(database.db, upstream(hosts[0]!).instance)).toMatchObject({ known: false });
  });

  test("an instance is reached when every gateway has made a connection since it came in", async () => {
    const [first, second] = [await gateway("first"), await gateway("second")];
    const one = upstream(hosts[0]!);
    const { tableVersion } = await put({ put: [one] });
    const tell = (who: ReportingGateway, version: number, problem: string | null) =>
      inTransaction(database.db, (tx) =>
        recordReached(tx, who, { tableVersion: version, instance: one.instance, reached: problem === null, problem }),
      );
    await tell(first, tableVersion, null);
    expect(await reachedStatus(database.db, one.instance)).toEqual({ reached: false, problem: null });
    await tell(second, tableVersion, "connection refused");
    expect(await reachedStatus(database.db, one.instance)).toEqual({
      reached: false,
      problem: `second-${number}: connection refused`,
    });
    await tell(second, tableVersion, null);
    expect(await reachedStatus(database.db, one.instance)).toEqual({ reached: true, problem: null });
    // The next instance of the same name is another process.
    await put({ put: [one] });
    await tell(first, tableVersion, null);
    expect(await reachedStatus(database.db, one.instance)).toEqual({ reached: false, problem: null });
  });

  test("a gateway's word on an instance of another workspace is not taken", async () => {
    const elsewhere = await seed(database.db, `elsewhere-${number}`);
    const stranger = { ...elsewhere, gatewayId: await seedGateway(database.db, elsewhere, `stranger-${number}`) };
    const one = upstream(hosts[0]!);
    await put({ put: [one] });
    await inTransaction(database.db, (tx) =>
      recordReached(tx, stranger, { tableVersion: 9, instance: one.instance, reached: false, problem: "a lie" }),
    );
    const told = await database.db
      .selectFrom("reach_report")
      .selectAll()
      .where("instance", "=", one.instance)
      .execute();
    expect(told).toEqual([]);
  });
});
