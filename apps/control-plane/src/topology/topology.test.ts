import { mergeTopology, type Topology } from "@evenkeel/client/topology";
import { type HostId, newId, PackageId, RevisionId, type ServiceId } from "@evenkeel/contracts/id";
import { instanceKey } from "@evenkeel/contracts/route-table";
import { TopologyEvent } from "@evenkeel/contracts/topology";
import { openListener } from "@evenkeel/kit/notify";
import { inTransaction, json } from "@evenkeel/kit/sql";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Caller } from "../http/index.ts";
import { type Seed, seed, seedGateway, seedHost, seedService } from "../link/testing.ts";
import { recordInstances } from "../service/index.ts";
import { type MigratedDatabase, migratedDatabase, serverKinds } from "../testing.ts";
import { differenceOf } from "./show.ts";
import { watchTopology } from "./watch.ts";

const NODES = { services: [], cells: [], hosts: [], instances: [], instancesInAll: 0 };

test("nodes are told once, and again only when they are different or gone", () => {
  const cell = (name: string, weight: number) =>
    ({ name, weight, colour: null, type: "unit", away: false }) as (typeof NODES & { cells: never[] })["cells"][number];
  const first = differenceOf({ ...NODES, cells: [cell("blue", 1), cell("green", 0)] }, null);
  expect(first?.event).toMatchObject({ whole: true, cells: [{ name: "blue" }, { name: "green" }] });
  const told = first?.told ?? null;
  expect(differenceOf({ ...NODES, cells: [cell("blue", 1), cell("green", 0)] }, told)).toBeNull();
  const next = differenceOf({ ...NODES, cells: [cell("blue", 2)] }, told);
  expect(next?.event).toMatchObject({ whole: false, cells: [{ name: "blue", weight: 2 }], gone: ["green"] });
  expect(differenceOf(NODES, null)?.event).toMatchObject({ whole: true });
});

describe.each(await serverKinds())("the picture of a workspace on %s", (kind) => {
  let database: MigratedDatabase;
  let world: Seed;
  let shop: ServiceId;
  let host: HostId;
  const revisionId = newId(RevisionId, "rev");

  beforeAll(async () => {
    database = await migratedDatabase(kind);
    const { db } = database;
    world = await seed(db);
    shop = await seedService(db, world, "shop");
    host = await seedHost(db, world, "h1");
    const packageId = newId(PackageId, "pkg");
    await sql`insert into package (id, tenant_id, application_id, version, digest, size_bytes, unpacked_bytes, entries, uploaded_by)
      values (${packageId}, ${world.tenantId}, ${world.applicationId}, '1.0.0', 'd', 1, 1, 1, 'admin')`.execute(db);
    await sql`insert into revision (id, tenant_id, service_id, digest, package_id, package_version, package_digest, buildpack, configuration)
      values (${revisionId}, ${world.tenantId}, ${shop}, 'd', ${packageId}, '1.0.0', 'd', ${json({})}, ${json({})})`.execute(
      db,
    );
  });
  afterAll(async () => await database.close());

  const tell = (state: "healthy" | "stopped") =>
    inTransaction(database.db, (tx) =>
      recordInstances(tx, {
        ...{ tenantId: world.tenantId, hostId: host, address: "127.0.0.1" },
        instances: [
          {
            ...{ slot: shop, letter: "a", revisionId, state, pid: 7, port: 20_000 },
            ...{ restarts: 0, problem: null, since: "2026-01-01T00:00:00.000Z" },
          },
        ],
      }),
    );
  /** Follows until the picture is so. */
  async function follow(who: Seed, may: string[], isSo: (topology: Topology) => boolean): Promise<Topology> {
    const listener = await openListener({ connectionString: database.url, onError: () => undefined });
    const stop = new AbortController();
    const caller = { tenantId: who.tenantId, may } as unknown as Caller;
    let seen: Topology | null = null;
    try {
      const watch = { ...who, caller, signal: stop.signal };
      for await (const { data } of watchTopology({ db: database.db, listener }, watch)) {
        seen = mergeTopology(seen, TopologyEvent.parse(data));
        if (seen !== null && isSo(seen)) return seen;
      }
      throw new Error("the stream has ended");
    } finally {
      stop.abort();
      await listener.close();
    }
  }

  test("an instance comes with its version, takes requests, and goes", async () => {
    const empty = await follow(world, ["*:*"], () => true);
    expect(empty).toMatchObject({
      services: [{ name: "shop", application: "shop" }],
      hosts: [{ name: "h1" }],
      instances: [],
    });
    let step = 0;
    await follow(world, ["*:*"], ({ instances }) => {
      if (step === 0) void tell("healthy");
      step += 1;
      return instances.length > 0;
    });
    const there = await follow(world, ["*:*"], () => true);
    const instance = instanceKey(shop, host, "a");
    expect(there.instances).toMatchObject([{ instance, version: "1.0.0", state: "healthy", traffic: "detached" }]);
    expect(there.instancesInAll).toBe(1);
    let asked = 0;
    await follow(world, ["*:*"], ({ instances }) => {
      if (asked === 0) void tell("stopped");
      asked += 1;
      return instances.length === 0;
    });
  });

  test("the traffic of its instances is told as rates", async () => {
    const { db } = database;
    const gatewayId = await seedGateway(db, world, "g1");
    const instance = instanceKey(shop, host, "a");
    await sql`create table sample_second_now partition of sample_second default`.execute(db);
    // For a minute from now, so that it does not matter when it is looked at: 50 requests a second, 5 of them failed.
    await sql`insert into sample_second select date_trunc('second', clock_timestamp()) + make_interval(secs => n), ${world.tenantId},
      ${world.workspaceId}, ${gatewayId}, ${shop}, ${instance}, '1.0.0', 1000, 50, 45, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, '{50}'
      from generate_series(0, 60) n`.execute(db);
    const { rates } = await follow(world, ["*:*"], (topology) => topology.rates.length > 0);
    expect(rates).toMatchObject([{ serviceId: shop, instance, version: "1.0.0" }]);
    const [{ requestsPerSecond = 0, failedPerSecond = 0 } = {}] = rates;
    expect(requestsPerSecond).toBeGreaterThanOrEqual(10);
    expect(requestsPerSecond).toBeLessThanOrEqual(50);
    expect(failedPerSecond * 10).toBeCloseTo(requestsPerSecond);
  });

  test("strangers see nothing of it, and who may read less is told less", async () => {
    const stranger = await seed(database.db, "stranger");
    expect(await follow(stranger, ["*:*"], () => true)).toMatchObject({ services: [], hosts: [], instances: [] });
    const mixed = { ...world, tenantId: stranger.tenantId };
    expect(await follow(mixed, ["*:*"], () => true)).toMatchObject({ services: [], hosts: [], instances: [] });
    const less = await follow(world, ["workspace:read", "service:read"], () => true);
    expect(less).toMatchObject({ services: [{ name: "shop" }], hosts: [], cells: [] });
  });
});
