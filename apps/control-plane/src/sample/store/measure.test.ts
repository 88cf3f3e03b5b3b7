import { LATENCY_BOUNDS_MS } from "@evenkeel/contracts/gateway-protocol";
import { type HostId, newId, ReplicaId, RevisionId, type ServiceId } from "@evenkeel/contracts/id";
import { inTransaction } from "@evenkeel/kit/sql";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MeasureScope } from "../../change/index.ts";
import { type Seed, seed, seedHost, seedService } from "../../link/testing.ts";
import { recordInstances } from "../../service/index.ts";
import { type MigratedDatabase, migratedDatabase, serverKinds } from "../../testing.ts";
import { insertUsage, keepPartitions, measurements } from "./index.ts";

const MB = 1024 ** 2;

describe.each(await serverKinds())("what guards measure on %s", (kind) => {
  let database: MigratedDatabase;
  let world: Seed;
  let serviceId: ServiceId;
  let changed: HostId;
  let other: HostId;
  const revisionId = newId(RevisionId, "rev");

  beforeAll(async () => {
    database = await migratedDatabase(kind);
    world = await seed(database.db);
    await keepPartitions(database.db);
    serviceId = await seedService(database.db, world, "shop");
    changed = await seedHost(database.db, world, "h1");
    other = await seedHost(database.db, world, "h2");
    const replicaId = newId(ReplicaId, "rpl");
    await sql`insert into replica values (${replicaId}, 'http://here', '1', clock_timestamp() + interval '1 hour')`.execute(
      database.db,
    );
    await sql`insert into host_session values (${changed}, ${world.tenantId}, 1, ${replicaId})`.execute(database.db);
  });
  afterAll(async () => await database.close());

  const tell = async (hostId: HostId, { restarts, memoryMb }: { restarts: number; memoryMb: number }) => {
    const { db } = database;
    const instance = { slot: serviceId, letter: "a", revisionId, state: "healthy", pid: 7, port: 20_000 } as const;
    const instances = [{ ...instance, restarts, problem: null, since: "2026-01-01T00:00:00.000Z" }];
    await inTransaction(db, (tx) =>
      recordInstances(tx, { tenantId: world.tenantId, hostId, address: "127.0.0.1", instances }),
    );
    await insertUsage(db, [
      { hostId, slot: serviceId, letter: "a", revisionId, memoryBytes: memoryMb * MB, cpuMs: 1 },
      // Nothing is known of such an instance: nothing is stored of it.
      { hostId, slot: serviceId, letter: "b", revisionId, memoryBytes: 1, cpuMs: 1 },
    ]);
  };
  const now = async (): Promise<string> =>
    (await sql<{ now: string }>`select clock_timestamp() as now`.execute(database.db)).rows[0]?.now ?? "";
  const scope = (more: Partial<MeasureScope>): MeasureScope => ({
    ...{ of: "instances", tenantId: world.tenantId, batchStartedAt: null, changeStartedAt: null, warmUpSeconds: 0 },
    targets: [
      { name: "h1", hostId: changed, serviceId, from: "1.0.0", changedAt: null, untouched: false },
      { name: "h2", hostId: other, serviceId, from: "1.0.0", changedAt: null, untouched: true },
    ],
    ...more,
  });
  const measure = (wanted: MeasureScope) => inTransaction(database.db, (tx) => measurements.measure(tx, wanted));

  test("instances: restarts and memory since the change, memory before it, and whether their host is there", async () => {
    await tell(changed, { restarts: 3, memoryMb: 90 });
    await tell(other, { restarts: 5, memoryMb: 100 });
    const began = await now();
    await tell(changed, { restarts: 4, memoryMb: 250 });
    const [one, two] = scope({}).targets;
    if (one === undefined || two === undefined) throw new Error("there are two targets");
    const asked = scope({ changeStartedAt: began, targets: [{ ...one, changedAt: began }, two] });
    const { targets, instances } = await measure(asked);
    expect(targets).toEqual(["h1"]);
    expect(instances).toMatchObject([
      {
        ...{ host: "h1", changed: true, online: true, state: "healthy", restarts: 1 },
        ...{ memoryBytes: 250 * MB, memoryBytesBefore: 90 * MB },
      },
      {
        ...{ host: "h2", changed: false, online: false, state: "healthy", restarts: 5 },
        ...{ memoryBytes: 100 * MB, memoryBytesBefore: null },
      },
    ]);
    const foreign = await measure({ ...asked, tenantId: (await seed(database.db, "stranger")).tenantId });
    expect(foreign.instances).toEqual([]);
  });

  test("traffic before a change that began long ago comes from the minutes, of the versions that stood there", async () => {
    const minute = (version: string, ago: string) => sql`insert into sample_minute
      select clock_timestamp() - ${ago}::interval, ${world.tenantId}, ${world.workspaceId}, 'gtw', ${serviceId},
        ${`${serviceId}/${other}/a`}, ${version}, 60000, 100, 97, 0, 0, 3, 0, 0, 0, 0, 10, 0, 0, '{0,90}'`;
    await keepYesterday();
    await minute("1.0.0", "13 minutes").execute(database.db);
    await minute("0.9.0", "13 minutes").execute(database.db);
    await minute("1.0.0", "9 minutes").execute(database.db);
    const began = (
      await sql<{ at: string }>`select clock_timestamp() - interval '10 minutes' as at`.execute(database.db)
    ).rows[0]?.at;
    const [one, two] = scope({}).targets;
    if (one === undefined || two === undefined || began === undefined) throw new Error("there are two targets");
    const targets = [{ ...one, changedAt: began }, two];
    const { before } = await measure(scope({ of: "traffic", changeStartedAt: began, targets }));
    expect(before).toEqual([
      { requests: 90, failed: 3, latency: LATENCY_BOUNDS_MS.map((_, at) => (at === 1 ? 90 : 0)).concat(0) },
    ]);
  });

  /** In the first minutes of a day some of this lies in the day before. */
  async function keepYesterday(): Promise<void> {
    const { rows } = await sql<{ start: number }>`
      select (extract(epoch from clock_timestamp())::bigint / 86400 - 1) * 86400 as start`.execute(database.db);
    const start = Number(rows[0]?.start);
    const bound = (seconds: number) => sql.lit(new Date(seconds * 1000).toISOString());
    await sql`create table ${sql.table(`sample_minute_${start}`)} partition of sample_minute
      for values from (${bound(start)}) to (${bound(start + 86_400)})`.execute(database.db);
  }
});
