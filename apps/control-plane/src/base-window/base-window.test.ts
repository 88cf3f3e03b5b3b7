import { type HostId, newId, ServiceId } from "@evenkeel/contracts/id";
import type { BaseWindow, ModuleWindow } from "@evenkeel/contracts/module-statistics";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { recordBases } from "../base-cluster/index.ts";
import { seedHost, seedService } from "../link/testing.ts";
import { baseOf } from "../placement/testing.ts";
import { keepPartitions } from "../sample/index.ts";
import { type Installation, serverKinds, startInstallation } from "../testing.ts";
import { insertWindows } from "./store/index.ts";

const MB = 1024 ** 2;
const counts = (...pairs: [bucket: number, count: number][]) => {
  const all = Array.from({ length: Math.max(...pairs.map(([bucket]) => bucket)) + 1 }, () => 0);
  for (const [bucket, count] of pairs) all[bucket] = count;
  return all;
};

describe.each(await serverKinds())("what bases and modules do on %s", (kind) => {
  let here: Installation;
  let hosts: [HostId, HostId];
  let slot: ServiceId;
  const ground = () => here.replicas[0]!.ground;

  beforeAll(async () => {
    here = await startInstallation(kind);
    const { db, lease, defaultTenant: tenantId } = ground();
    await keepPartitions(db);
    const made = await here.call("POST", "/workspaces", { body: { name: "local", zones: ["a"] } });
    const application = await here.call("POST", "/applications", { body: { name: "shop" } });
    const where = { tenantId, workspaceId: made.body.id as never, applicationId: application.body.id as never };
    hosts = [await seedHost(db, where, "local-1"), await seedHost(db, where, "local-2")];
    slot = await seedService(db, where, "shop");
    for (const hostId of hosts) {
      const session = { host_id: hostId, tenant_id: tenantId, connection_epoch: 1, replica_id: lease.id };
      await db.insertInto("host_session").values(session).execute();
      const report = baseOf("any", null, []).report!;
      const connection = { hostId, connectionEpoch: 1, replicaId: lease.id };
      await recordBases(db, { connection, tenantId, whole: true, bases: [{ slot, letter: "a", report }] });
    }
  });
  afterAll(() => here.close());

  const ofModule = (more: Partial<ModuleWindow>): ModuleWindow => ({
    ...{ name: "prices" as never, version: "1.0.0", requests: 0, errors: 0, throttled: 0, restarts: 0, inFlight: 0 },
    ...{ cpuPercent: 0, heapBytes: null, blockMs: 0, latency: [] },
    ...more,
  });
  const window = (modules: ModuleWindow[], more: Partial<BaseWindow> = {}): BaseWindow => ({
    ...{ slot, windowMs: 10_000, cpuPercent: 20, rssBytes: 90 * MB, heapUsedBytes: 40 * MB, heapLimitBytes: 400 * MB },
    ...{ loopDelayP99Ms: 11, loopDelayMaxMs: 12, modules },
    ...more,
  });
  const tell = async (told: readonly { host: 0 | 1; window: BaseWindow }[], tenantId = ground().defaultTenant) =>
    await insertWindows(
      ground().db,
      told.map(({ host, window: one }) => ({ hostId: hosts[host], tenantId, window: one })),
    );
  const items = async (path: string) =>
    (await here.call("GET", path)).body.items as unknown as Record<string, unknown>[];
  const forget = async () => {
    await sql`delete from module_sample`.execute(ground().db);
    await sql`delete from base_sample`.execute(ground().db);
  };

  /** In the first half minute of a partition what is a little older lies in the one before. */
  async function keepFormer(): Promise<void> {
    const { rows } = await sql<{ start: number }>`
      select (extract(epoch from clock_timestamp())::bigint / 900 - 1) * 900 as start`.execute(ground().db);
    const start = Number(rows[0]?.start);
    const bound = (seconds: number) => sql.lit(new Date(seconds * 1000).toISOString());
    for (const table of ["base_sample", "module_sample"])
      await sql`create table if not exists ${sql.table(`${table}_${start}`)} partition of ${sql.table(table)}
        for values from (${bound(start)}) to (${bound(start + 900)})`.execute(ground().db);
  }

  test("how modules do now is the newest window of each, with rates, shares and percentiles", async () => {
    await forget();
    await tell([{ host: 0, window: window([ofModule({ requests: 7 })]) }]);
    const busy = { requests: 200, errors: 10, inFlight: 3, cpuPercent: 12.5, latency: counts([3, 150], [20, 50]) };
    await tell([{ host: 0, window: window([ofModule(busy)]) }]);
    expect(await items("/module-readings?module=prices")).toMatchObject([
      {
        ...{ module: "prices", version: "1.0.0", base: "shop@local-1", cluster: null, windowMs: 10_000 },
        ...{ requestsPerSecond: 20, errorPercent: 5, inFlight: 3, cpuPercent: 12.5, heapBytes: null },
        p50Ms: expect.closeTo(0.0977, 3),
        p99Ms: expect.closeTo(4.3368, 3),
      },
    ]);
    expect(await items("/base-readings")).toMatchObject([
      { base: "shop@local-1", cpuPercent: 20, rssBytes: 90 * MB, loopDelayP99Ms: 11 },
    ]);
    expect(await items("/module-readings?cluster=front")).toEqual([]);
  });

  test("a base that has told nothing for half a minute has no reading, and its chart remains", async () => {
    await forget();
    await keepFormer();
    await tell([{ host: 0, window: window([ofModule({ requests: 10, latency: counts([0, 10]) })]) }]);
    await sql`update module_sample set at = at - interval '31 seconds'`.execute(ground().db);
    await sql`update base_sample set at = at - interval '31 seconds'`.execute(ground().db);
    expect(await items("/module-readings")).toEqual([]);
    expect(await items("/base-readings")).toEqual([]);
    expect(await items("/module-samples")).toHaveLength(1);
  });

  test("a step of a chart holds the requests of all bases and the mean of what each uses; nothing told is no step", async () => {
    await forget();
    const first = ofModule({
      requests: 100,
      cpuPercent: 10,
      heapBytes: 2 * MB,
      inFlight: 1,
      latency: counts([0, 100]),
    });
    const second = ofModule({ requests: 300, cpuPercent: 30, heapBytes: 4 * MB, inFlight: 5, errors: 40 });
    await tell([
      { host: 0, window: window([first]) },
      { host: 1, window: window([second], { cpuPercent: 60, loopDelayP99Ms: 99 }) },
    ]);
    const [one, ...others] = await items("/module-samples?stepSeconds=3600&sinceSeconds=600");
    expect(others).toEqual([]);
    expect(one).toMatchObject({
      ...{ module: "prices", base: null, bases: 2, requestsPerSecond: 40, errorPercent: 10 },
      ...{ cpuPercent: 20, heapBytes: 3 * MB, inFlight: 6 },
    });
    expect((await items("/module-samples?by=base&stepSeconds=3600")).map(({ base }) => base).sort()).toEqual([
      "shop@local-1",
      "shop@local-2",
    ]);
    expect(await items("/base-samples?by=cluster&stepSeconds=3600")).toMatchObject([
      { cluster: null, base: null, bases: 2, cpuPercent: 40, loopDelayP99Ms: 99 },
    ]);
  });

  test("what is told of a base of another tenant, or of one that nobody knows, is not kept", async () => {
    await forget();
    await tell([{ host: 0, window: window([ofModule({})]) }], "ten_00000000000000000000" as never);
    await tell([{ host: 0, window: { ...window([ofModule({})]), slot: newId(ServiceId, "svc") } }]);
    const { rows } = await sql`select from base_sample`.execute(ground().db);
    expect(rows).toEqual([]);
  });

  test.each(["sinceSeconds=9", "stepSeconds=0", "by=host", "module=Prices", "limit=100000", "cursor=x"])(
    "a chart with %s is refused",
    async (query) => {
      expect((await here.call("GET", `/module-samples?${query}`)).status).toBe(400);
    },
  );
});
