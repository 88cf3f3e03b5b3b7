import { GatewayId, newId, type ServiceId } from "@evenkeel/contracts/id";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Seed, seed, seedService } from "../../link/testing.ts";
import { type MigratedDatabase, migratedDatabase, serverKinds } from "../../testing.ts";
import { insertSamples, keepPartitions, readSamples, requestsOf, rollUp } from "./index.ts";

describe.each(await serverKinds())("samples on %s", (kind) => {
  let database: MigratedDatabase;
  let world: Seed;
  let serviceId: ServiceId;
  const gatewayId = newId(GatewayId, "gtw");

  beforeAll(async () => {
    database = await migratedDatabase(kind);
    world = await seed(database.db);
    serviceId = await seedService(database.db, world, "shop");
  });
  afterAll(async () => await database.close());

  const add = (requests: number, latency: number[], of = serviceId) =>
    insertSamples(database.db, [
      {
        gatewayId,
        workspaceId: world.workspaceId,
        windowMs: 1000,
        serviceId: of,
        instance: null,
        version: "1.0.0",
        requests,
        status2xx: requests,
        status3xx: 0,
        status4xx: 0,
        status5xx: 0,
        connectErrors: 0,
        unavailable: 0,
        cut: 0,
        retries: 0,
        clientAborts: 0,
        inFlight: requests,
        longLived: 0,
        queued: requests,
        connections: requests,
        latency,
      },
    ]);
  const partitions = async (): Promise<string[]> => {
    const { rows } = await sql<{ name: string }>`select inhrelid::regclass::text as name from pg_inherits
      where inhparent = 'sample_second'::regclass order by 1`.execute(database.db);
    return rows.map(({ name }) => name);
  };

  test("replicas that tidy at once make each partition once", async () => {
    await Promise.all([1, 2, 3].map(() => keepPartitions(database.db)));
    expect(await partitions()).toHaveLength(2);
  });

  test("a partition that nothing reads any more is dropped, with its rows", async () => {
    await sql`create table sample_second_1500000000 partition of sample_second
      for values from ('2017-07-14T02:40:00Z') to ('2017-07-14T02:45:00Z')`.execute(database.db);
    await keepPartitions(database.db);
    expect(await partitions()).not.toContain("sample_second_1500000000");
  });

  test("how many requests services had is told of all that are asked for, in one answer", async () => {
    const [web, api, silent] = await Promise.all(
      ["web", "api", "silent"].map((name) => seedService(database.db, world, name)),
    );
    const serviceIds = [web, silent] as ServiceId[];
    await add(3, [], web);
    await add(4, [], web);
    await add(5, [], api);
    const { tenantId } = world;
    expect([...(await requestsOf(database.db, { tenantId, serviceIds, sinceSeconds: 600 }))]).toEqual([[web, 7]]);
    expect(await requestsOf(database.db, { tenantId, serviceIds: [], sinceSeconds: 600 })).toEqual(new Map());
  });

  test("each full minute is summed up once, its histograms bucket by bucket", async () => {
    await add(1, [1, 0, 2]);
    await add(2, [0, 5, 1]);
    // As if the minute were over: the samples and the progress are moved back together.
    await sql`update sample_second set at = date_trunc('minute', clock_timestamp()) - interval '30 seconds'`
      .execute(database.db)
      .catch(() => movedByHand());
    await sql`update sample_progress set minutes_until = date_trunc('minute', clock_timestamp()) - interval '3 minutes'`.execute(
      database.db,
    );
    await until59();
    await Promise.all([rollUp(database.db), rollUp(database.db)]);
    await rollUp(database.db);
    const minutes = await readSamples(database.db, {
      tenantId: world.tenantId,
      serviceId,
      sinceSeconds: 3600,
      limit: 10,
    });
    expect(minutes).toHaveLength(1);
    expect(minutes[0]).toMatchObject({
      windowMs: 60_000,
      requests: 3,
      status2xx: 3,
      inFlight: 2,
      queued: 2,
      connections: 2,
      latency: [1, 5, 3],
    });
  });

  /** The last minute was in another partition. */
  async function movedByHand(): Promise<void> {
    const { rows } = await sql<{
      start: number;
    }>`select (extract(epoch from clock_timestamp())::bigint / 300 - 1) * 300 as start`.execute(database.db);
    const start = rows[0]!.start;
    const bound = (seconds: number) => sql.lit(new Date(seconds * 1000).toISOString());
    await sql`create table ${sql.table(`sample_second_${start}`)} partition of sample_second
      for values from (${bound(start)}) to (${bound(start + 300)})`.execute(database.db);
    await sql`update sample_second set at = date_trunc('minute', clock_timestamp()) - interval '30 seconds'`.execute(
      database.db,
    );
  }

  /** A minute is summed up five seconds after its end. */
  async function until59(): Promise<void> {
    await sql`select pg_sleep(greatest(0, 6 - extract(second from clock_timestamp())))`.execute(database.db);
  }
});
