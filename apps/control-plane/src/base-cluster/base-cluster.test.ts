import type { BaseReport } from "@evenkeel/contracts/base-protocol";
import { BaseClusterId, type HostId, type ServiceId } from "@evenkeel/contracts/id";
import { inTransaction } from "@evenkeel/kit/sql";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seedHost, seedService } from "../link/testing.ts";
import { baseOf, placed } from "../placement/testing.ts";
import { type Installation, serverKinds, startInstallation } from "../testing.ts";
import { assignBase, putPlacements, recordBases } from "./index.ts";

describe.each(await serverKinds())("bases and their clusters on %s", (kind) => {
  let here: Installation;
  let hostId: HostId;
  let slot: ServiceId;
  const ground = () => here.replicas[0]!.ground;
  beforeAll(async () => {
    here = await startInstallation(kind);
    const { db, lease, defaultTenant: tenantId } = ground();
    const made = await here.call("POST", "/workspaces", { body: { name: "local", zones: ["a"] } });
    const application = await here.call("POST", "/applications", { body: { name: "shop" } });
    const where = { tenantId, workspaceId: made.body.id as never, applicationId: application.body.id as never };
    hostId = await seedHost(db, where, "local-1");
    slot = await seedService(db, where, "shop");
    await db
      .insertInto("host_session")
      .values({ host_id: hostId, tenant_id: tenantId, connection_epoch: 3, replica_id: lease.id })
      .execute();
  });
  afterAll(() => here.close());

  async function tell(
    modules: readonly string[] | null,
    more: { epoch?: number; whole?: boolean } = {},
  ): Promise<void> {
    const { db, lease, defaultTenant: tenantId } = ground();
    const connection = { hostId, connectionEpoch: more.epoch ?? 3, replicaId: lease.id };
    const report = baseOf("local-1", null, modules ?? []).report as BaseReport;
    const bases = modules === null ? [] : [{ slot, letter: "a" as const, report }];
    await recordBases(db, { connection, tenantId, whole: more.whole ?? false, bases });
  }

  /** The table's version, and which paths it knows of bases. */
  async function table() {
    const { db, defaultTenant: tenantId } = ground();
    const version = await db.selectFrom("route_table").select("version").where("tenant_id", "=", tenantId).execute();
    const paths = await db.selectFrom("base").select("paths").where("host_id", "=", hostId).executeTakeFirst();
    return { version: Number(version[0]?.version ?? 0), paths: paths?.paths ?? [] };
  }

  test("gateways are told when a path of a module comes or goes, and not of what is otherwise new", async () => {
    const before = await table();
    await tell(["prices 1.0.0 published /prices", "cart 1.0.0 active /cart"]);
    expect(await table()).toEqual({ version: before.version + 1, paths: ["/prices"] });
    await tell(["prices 1.0.0 draining /prices", "prices 2.0.0 published /prices", "cart 1.0.0 active /cart"]);
    expect((await table()).version).toBe(before.version + 1);
    await tell(["prices 2.0.0 broken /prices", "cart 1.0.0 published /cart /carts"]);
    expect(await table()).toEqual({ version: before.version + 2, paths: ["/cart", "/carts"] });
    // An agent that has connected again tells everything, of which nothing is new.
    await tell(["cart 1.0.0 published /cart /carts"], { whole: true });
    expect((await table()).version).toBe(before.version + 2);
    await tell(null, { whole: true });
    expect(await table()).toEqual({ version: before.version + 3, paths: [] });
    await tell(null, { whole: true });
    expect((await table()).version).toBe(before.version + 3);
  });

  test("of a control plane that dies before gateways have been told nothing stays, and what its agent tells the next is passed on", async () => {
    const { db, defaultTenant: tenantId } = ground();
    const before = await table();
    await db.transaction().execute(async (holding) => {
      await holding.selectFrom("route_table").select("version").where("tenant_id", "=", tenantId).forUpdate().execute();
      const told = tell(["cart 1.0.0 published /cart"]).catch((error: unknown) => error);
      const waiting = async () => {
        const { rows } = await sql<{ pid: number }>`select pid from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`.execute(db);
        return rows[0]?.pid;
      };
      let pid = await waiting();
      while (pid === undefined) pid = await waiting();
      await sql`select pg_terminate_backend(${pid})`.execute(db);
      expect(await told).toBeInstanceOf(Error);
    });
    expect(await table()).toEqual(before);
    await tell(["cart 1.0.0 published /cart"], { whole: true });
    expect(await table()).toEqual({ version: before.version + 1, paths: ["/cart"] });
    await tell(null, { whole: true });
  });

  async function base() {
    const { items } = (await here.call("GET", "/bases")).body as unknown as { items: Record<string, unknown>[] };
    expect(items).toHaveLength(1);
    return items[0]!;
  }

  test("a base is known once its agent tells of it; only the newest connection speaks; what is not told of any more is gone", async () => {
    await tell(["prices 1.0.0 published"]);
    const first = await base();
    expect(first).toMatchObject({
      name: "shop@local-1",
      state: "serving",
      cluster: null,
      modules: [{ name: "prices" }],
    });
    await tell([], { epoch: 2 });
    expect((await base()).modules).toHaveLength(1);
    await tell(null);
    expect((await base()).state).toBe("serving");
    await tell(null, { whole: true });
    expect(await base()).toMatchObject({ id: first.id, state: "gone", pid: null, modules: [] });
  });

  test("what stands otherwise than its cluster wants is shown, with who brought it", async () => {
    const { db, defaultTenant: tenantId } = ground();
    const made = await here.call("POST", "/base-clusters", { body: { workspace: "local", name: "front" } });
    expect(made).toMatchObject({ status: 201, body: { name: "front", buffer: false, bases: 0, placements: [] } });
    const clusterId = BaseClusterId.parse(made.body.id);
    await tell(["prices 1.0.0 published", "cart 1.0.0"]);
    const { id } = await base();
    const placements = [placed("prices", "2.0.0"), placed("stock", "1.0.0", [id as never]), placed("tax", "1.0.0", [])];
    await inTransaction(db, async (tx) => {
      await assignBase(tx, { baseId: id as never, clusterId, cameFrom: null });
      await putPlacements(tx, { tenantId, clusterId, placements });
    });
    expect((await base()).drift).toEqual([
      { module: "cart", wanted: "nothing", found: "1.0.0 active" },
      { module: "prices", wanted: "2.0.0 published", found: "1.0.0 published" },
      { module: "stock", wanted: "1.0.0 published", found: "nothing" },
    ]);
    expect((await here.call("GET", `/base-clusters/${clusterId}`)).body).toMatchObject({ bases: 1, online: 1 });
    expect(await here.call("DELETE", `/base-clusters/${clusterId}`)).toMatchObject({
      status: 409,
      body: { code: "BASE_CLUSTER_IN_USE", facts: { bases: 1 } },
    });
  });

  test("doctor, and the diagnosis of the service, name a module that broke on a base, with the words of the base", async () => {
    await tell(["prices 1.0.0 published"]);
    const found = async () =>
      (await here.call("GET", "/doctor")).body.items as unknown as { resource: string; actions: string[] }[];
    const ofModules = async () => (await found()).filter(({ resource }) => resource.startsWith("module/"));
    expect(await ofModules()).toEqual([]);
    await tell(["prices 2.0.0 broken", "prices 1.0.0 published"]);
    const finding = {
      ...{ severity: "error", resource: "module/prices@2.0.0 on shop@local-1", problem: { code: "MODULE_FAILED" } },
      actions: ["converge shop --host local-1 --modules", "module stats prices"],
    };
    expect(await ofModules()).toMatchObject([finding]);
    const diagnosis = await here.call("GET", `/services/${slot}/diagnosis`);
    expect(diagnosis.body.findings).toContainEqual(expect.objectContaining({ resource: finding.resource }));
    await tell(null, { whole: true });
    expect(await ofModules()).toEqual([]);
  });

  test.each([
    [{ workspace: "nowhere", name: "x" }, 404, "NOT_FOUND"],
    [{ workspace: "local", name: "front" }, 409, "ALREADY_EXISTS"],
    [{ workspace: "local", name: "Front!" }, 400, "INPUT_INVALID"],
  ])("a cluster %j is refused", async (body, status, code) => {
    expect(await here.call("POST", "/base-clusters", { body })).toMatchObject({ status, body: { code } });
  });
});
