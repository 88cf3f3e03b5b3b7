import { createHash } from "node:crypto";
import {
  BaseClusterId,
  type BaseId,
  type HostId,
  type Name,
  ScalingRuleId,
  type ServiceId,
} from "@evenkeel/contracts/id";
import { inTransaction } from "@evenkeel/kit/sql";
import { answering } from "@evenkeel/testkit/base-application";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assignBase, putPlacements, recordBases } from "../base-cluster/index.ts";
import type { ChangeDeps } from "../change/index.ts";
import { kernelDeps } from "../kernel.ts";
import { seedHost, seedService } from "../link/testing.ts";
import { baseOf, placed } from "../placement/testing.ts";
import { keepPartitions } from "../sample/index.ts";
import { type Installation, serverKinds, startInstallation } from "../testing.ts";
import { lookAt } from "./keeper.ts";

const RULE = { cluster: "front", metric: "requests-per-second", above: 10, below: 1, minBases: 1, maxBases: 3 };

describe.each(await serverKinds())("scaling rules on %s", (kind) => {
  let here: Installation;
  let deps: ChangeDeps;
  let slot: ServiceId;
  let clusterId: BaseClusterId;
  let bases: BaseId[];
  const ground = () => here.replicas[0]!.ground;

  beforeAll(async () => {
    here = await startInstallation(kind);
    deps = kernelDeps(ground(), new Map(), () => undefined);
    const { db, lease, defaultTenant: tenantId } = ground();
    await keepPartitions(db);
    await keepFormer();
    const made = await here.call("POST", "/workspaces", { body: { name: "local", zones: ["a"] } });
    const application = await here.call("POST", "/applications", { body: { name: "shop" } });
    const where = { tenantId, workspaceId: made.body.id as never, applicationId: application.body.id as never };
    slot = await seedService(db, where, "shop");
    const cluster = await here.call("POST", "/base-clusters", { body: { workspace: "local", name: "front" } });
    clusterId = BaseClusterId.parse(cluster.body.id);
    const hosts: HostId[] = [];
    for (const host of ["local-1", "local-2", "local-3"]) hosts.push(await seedHost(db, where, host));
    for (const hostId of hosts) {
      const session = { host_id: hostId, tenant_id: tenantId, connection_epoch: 1, replica_id: lease.id };
      await db.insertInto("host_session").values(session).execute();
      const report = baseOf("any", null, []).report!;
      const connection = { hostId, connectionEpoch: 1, replicaId: lease.id };
      await recordBases(db, { connection, tenantId, whole: true, bases: [{ slot, letter: "a", report }] });
    }
    const rows = await db.selectFrom("base").select(["id", "host_id"]).execute();
    bases = hosts.map((hostId) => rows.find((row) => row.host_id === hostId)!.id);
    await inTransaction(db, async (tx) => {
      for (const baseId of bases) await assignBase(tx, { baseId, clusterId, cameFrom: null });
    });
  });
  afterAll(() => here.close());

  async function keepFormer(): Promise<void> {
    const { db } = ground();
    const { rows } = await sql<{ start: number }>`
      select (extract(epoch from clock_timestamp())::bigint / 900 - 1) * 900 as start`.execute(db);
    const start = Number(rows[0]?.start);
    const bound = (seconds: number) => sql.lit(new Date(seconds * 1000).toISOString());
    for (const table of ["base_sample", "module_sample"])
      await sql`create table if not exists ${sql.table(`${table}_${start}`)} partition of ${sql.table(table)}
        for values from (${bound(start)}) to (${bound(start + 900)})`.execute(db);
  }

  /** A module of its own for each test, on the first base, whose windows reach far enough that no slowness runs out of them. */
  async function moduleWith(name: string, requestsPerSecond: number | null): Promise<void> {
    const { db, defaultTenant: tenantId } = ground();
    const { bytes } = answering(name, "1.0.0");
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    const response = await fetch(`${here.replicas[0]!.url}/api/v1/modules?digest=${digest}`, {
      method: "POST",
      headers: { authorization: `Bearer ${here.adminToken}`, "content-type": "application/octet-stream" },
      body: new Uint8Array(bytes),
    });
    expect(response.status).toBe(200);
    const placements = [placed(name, "1.0.0", [bases[0]!])];
    await inTransaction(db, async (tx) => await putPlacements(tx, { tenantId, clusterId, placements }));
    if (requestsPerSecond === null) return;
    await sql`insert into module_sample
      select at, ${tenantId}, '', ${bases[0]}, ${clusterId}, 10000, 0, ${name}, '1.0.0', ${requestsPerSecond * 10}, 0, 0, 0, 0,
        null, 0, '{}'
      from generate_series(clock_timestamp() - interval '90 seconds', clock_timestamp() + interval '300 seconds', interval '5 seconds') at`.execute(
      db,
    );
  }

  async function ruleFor(module: string, more: object = {}): Promise<ScalingRuleId> {
    const body = { ...RULE, module, stabilisationSeconds: 30, ...more };
    expect(await here.call("PUT", `/scaling-rules/${module}`, { body })).toMatchObject({ status: 200 });
    const row = await ground()
      .db.selectFrom("scaling_rule")
      .select("id")
      .where("name", "=", module as Name)
      .executeTakeFirstOrThrow();
    return ScalingRuleId.parse(row.id);
  }

  const rule = async (name: string) => (await here.call("GET", `/scaling-rules/${name}`)).body;
  const changesBy = async (name: string) => {
    const { items } = (await here.call("GET", "/changes?limit=200")).body as unknown as {
      items: { id: string; createdBy: string; state: string; kind: string; title: string }[];
    };
    return items.filter(({ createdBy }) => createdBy === `scaling-rule/${name}`);
  };

  test("a module that is asked too often gets one more base by a change of the rule's own, and one only, whoever looks", async () => {
    await moduleWith("busy", 20);
    const id = await ruleFor("busy");
    await Promise.all([1, 2, 3, 4].map(() => lookAt(deps, id, 0)));
    // The lock of the module would keep the others out too, but then they would have been refused.
    expect((await rule("busy")).verdict).not.toMatchObject({ kind: "refused" });
    await lookAt(deps, id, 0);
    const changes = await changesBy("busy");
    expect(changes).toMatchObject([{ kind: "module-operation", title: "busy: 2 bases of front" }]);
    expect(changes[0]?.state).not.toBe("planned");
    expect(await rule("busy")).toMatchObject({ verdict: { kind: "under-way" }, changeId: changes[0]?.id });
    const { items } = (await here.call("GET", "/audit?principal=scaling-rule/busy")).body as unknown as {
      items: object[];
    };
    expect(items).toMatchObject([{ action: "module-operation:create", outcome: "done" }]);
  });

  test("of a module nobody tells anything of, nothing is done", async () => {
    await moduleWith("silent", null);
    const id = await ruleFor("silent", { minBases: 2 });
    await lookAt(deps, id, 0);
    expect(await rule("silent")).toMatchObject({
      verdict: { kind: "no-data", value: null, wanted: null },
      changeId: null,
    });
    expect(await changesBy("silent")).toEqual([]);
  });

  test("a rule that is not enabled says what it would do", async () => {
    await moduleWith("watched", 20);
    const id = await ruleFor("watched", { enabled: false });
    await lookAt(deps, id, 0);
    expect((await rule("watched")).verdict).toMatchObject({ kind: "scale", wanted: 2, value: 20 });
    expect(await changesBy("watched")).toEqual([]);
  });

  test("a freeze and a lock hold for a rule too: it leaves no change behind, and says why", async () => {
    await moduleWith("frozen", 20);
    const freeze = {
      ...{ kind: "freeze", scope: { workspaces: ["local"], kinds: ["module-operation"] }, timeZone: "UTC" },
      ...{ start: "2026-01-01T00:00", end: "2026-01-02T00:00", recurrence: "FREQ=DAILY" },
    };
    await here.call("PUT", "/windows/always", { body: freeze });
    const id = await ruleFor("frozen");
    await lookAt(deps, id, 0);
    expect((await rule("frozen")).verdict).toMatchObject({
      kind: "refused",
      problem: { code: "CHANGE_FROZEN" },
      wanted: 2,
    });
    expect(await changesBy("frozen")).toEqual([]);
    await here.call("DELETE", "/windows/always");
    await lookAt(deps, id, 0);
    expect(await changesBy("frozen")).toHaveLength(1);
    const inTheWay = await here.call("POST", "/changes", {
      body: { kind: "module-operation", spec: { operation: "scale", cluster: "front", module: "frozen", bases: 3 } },
    });
    expect((await here.call("POST", `/changes/${String(inTheWay.body.id)}/start`, { body: {} })).body.code).toBe(
      "LOCK_HELD",
    );
  });

  test("more bases than there are is refused in the words of the operation", async () => {
    await moduleWith("huge", 20);
    const id = await ruleFor("huge", { maxBases: 9, step: 5 });
    await lookAt(deps, id, 0);
    expect((await rule("huge")).verdict).toMatchObject({ kind: "refused", problem: { code: "BASES_NONE" } });
  });

  test("who may not scale may not let a rule do it; what a rule names must be there", async () => {
    const { body } = await here.call("POST", "/tokens", { body: { as: "ann", may: ["scaling-rule:*"] } });
    const put = (more: object, token?: string) =>
      here.call("PUT", "/scaling-rules/x", { body: { ...RULE, module: "busy", ...more }, ...(token && { token }) });
    expect(await put({}, String(body.secret))).toMatchObject({ status: 403, body: { code: "PERMISSION_MISSING" } });
    expect(await put({ cluster: "back" })).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });
    expect(await put({ module: "moon" })).toMatchObject({ status: 404, body: { facts: { resource: "module moon" } } });
    await here.call("POST", "/base-clusters", { body: { workspace: "local", name: "warm", buffer: true } });
    expect(await put({ cluster: "warm" })).toMatchObject({ body: { code: "BASE_CLUSTER_IS_BUFFER" } });
    expect(await put({ buffer: "front" })).toMatchObject({ body: { code: "BASE_CLUSTER_NO_BUFFER" } });
    expect(await put({ below: 10 })).toMatchObject({ status: 400, body: { facts: { field: "below" } } });
    expect((await here.call("DELETE", "/scaling-rules/x")).status).toBe(404);
    expect((await here.call("DELETE", "/scaling-rules/huge")).status).toBe(204);
  });
});
