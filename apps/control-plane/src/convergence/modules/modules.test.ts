import type { Command, Outcome } from "@evenkeel/contracts/agent-protocol";
import type { BaseReport } from "@evenkeel/contracts/base-protocol";
import type { Change } from "@evenkeel/contracts/change";
import { CONVERGENCE } from "@evenkeel/contracts/convergence";
import { problemOf } from "@evenkeel/contracts/error";
import type { ReplicaId } from "@evenkeel/contracts/id";
import { MODULE_OPERATION } from "@evenkeel/contracts/module-operation";
import { MODULE_RELEASE } from "@evenkeel/contracts/module-release";
import { inTransaction } from "@evenkeel/kit/sql";
import { answering } from "@evenkeel/testkit/base-application";
import { afterEach, beforeEach, expect, test } from "vitest";
import { assignBase, recordBases } from "../../base-cluster/index.ts";
import { until } from "../../link/testing.ts";
import { baseOf } from "../../placement/testing.ts";
import { Fleet, type FleetHost } from "../../slot/testing.ts";

let fleet: Fleet;
let hosts: readonly [FleetHost, FleetHost];
/** `prices 1.0.0 published`, by host. */
let held: Map<string, string[]>;
/** Hosts whose process is no base at the moment. */
let gone: Set<string>;

/** What stands on the base of a host, told as its agent would. */
async function tell({ hostId, name }: FleetHost): Promise<void> {
  const { db } = fleet;
  const [session] = await db.selectFrom("host_session").selectAll().where("host_id", "=", hostId).execute();
  const { id: slot } = await fleet.service();
  if (session === undefined) return;
  const { connection_epoch: connectionEpoch, replica_id: replicaId, tenant_id: tenantId } = session;
  const stands = baseOf(name, null, held.get(name) ?? []).report as BaseReport;
  // What is called guest was brought by other tools.
  const modules = stands.modules.map((one) => (one.name === "guest" ? { ...one, origin: "arklet" as const } : one));
  const bases = [{ slot, letter: "a" as const, report: gone.has(name) ? null : { ...stands, modules } }];
  const connection = { hostId, connectionEpoch, replicaId: replicaId as ReplicaId };
  await recordBases(db, { connection, tenantId, whole: true, bases });
}

interface OfModule {
  readonly name: string;
  readonly version: string;
  readonly replace?: boolean;
  readonly publish?: object | null;
}

/** Does with a list of words what a base does. */
async function obey(name: string, { type, input }: Command): Promise<Outcome | null> {
  if (!type.endsWith("-module")) return null;
  if (gone.has(name)) return { kind: "failed", problem: problemOf("BASE_ABSENT", { slot: "shop" }), elapsedMs: 1 };
  const { name: module, version, replace, publish } = input as OfModule;
  const others = (held.get(name) ?? []).filter((words) => {
    const [itsName, itsVersion] = words.split(" ");
    return itsName !== module || (itsVersion !== version && replace !== true && type === "install-module");
  });
  const mine = `${module} ${version}${publish ? " published" : ""}`;
  held.set(name, type === "uninstall-module" ? others : [...others, mine]);
  await tell(hosts.find((host) => host.name === name)!);
  return { kind: "succeeded", facts: {}, elapsedMs: 1 };
}

beforeEach(async () => {
  fleet = await Fleet.start(["h1", "h2"]);
  hosts = fleet.hosts as unknown as typeof hosts;
  held = new Map();
  gone = new Set();
  fleet.interfere = obey;
  await fleet.release("1.0.0");
  for (const host of hosts) await tell(host);
  const { id } = await fleet.call("POST", "/base-clusters", { workspace: "local", name: "front", buffer: false });
  const { items } = await fleet.call("GET", "/bases");
  for (const base of items)
    await inTransaction(fleet.db, (tx) => assignBase(tx, { baseId: base.id, clusterId: id, cameFrom: null }));
  for (const version of ["1.0.0", "2.0.0"]) await upload(version);
});
afterEach(() => fleet.close());

async function upload(version: string): Promise<void> {
  const { bytes, object } = answering("prices", version);
  const { replicas, adminToken } = fleet.installation;
  const headers = { authorization: `Bearer ${adminToken}`, "content-type": "application/octet-stream" };
  const init = { method: "POST", headers, body: new Uint8Array(bytes) };
  const { status } = await fetch(`${replicas[0]!.url}/api/v1/modules?digest=${object.digest}`, init);
  expect(status).toBe(200);
}

async function carryOut(kind: string, spec: object): Promise<Change> {
  const { id } = await fleet.create(kind, spec);
  await fleet.start(id);
  return await fleet.waitFor(id, "succeeded", "failed");
}

const release = (version: string): Promise<Change> =>
  carryOut(MODULE_RELEASE, { cluster: "front", modules: [{ name: "prices", version }], publish: {} });

/** Convergences that have succeeded, once there are so many and nothing is owed any more. */
async function converged(count: number): Promise<Change[]> {
  return await until(async () => {
    const all = await fleet.changesOf(CONVERGENCE);
    const owed = await fleet.db.selectFrom("owed_base").selectAll().execute();
    return owed.length === 0 && all.filter(({ state }) => state === "succeeded").length === count ? all : null;
  });
}

const owedSlots = async (): Promise<number> => (await fleet.db.selectFrom("owed_slot").selectAll().execute()).length;

test("a base whose host was cut off during a release of modules is listed, is no success, and gets them by a change of its own", async () => {
  const [first, second] = hosts;
  await release("1.0.0");
  await second.cut();
  const change = await release("2.0.0");
  expect(change).toMatchObject({ state: "succeeded", targets: { total: 2, succeeded: 1, offline: 1 } });
  expect((await fleet.call("GET", "/doctor")).items).toContainEqual(
    expect.objectContaining({
      resource: "base/shop@h2",
      problem: expect.objectContaining({ code: "HOST_BEHIND" }),
    }),
  );
  await second.connect();
  const [convergence] = await converged(1);
  expect(convergence).toMatchObject({
    createdBy: "evenkeel",
    title: "shop@h2 converges to what front wants",
    reason: "the base was away",
  });
  expect([held.get(first.name), held.get(second.name)]).toEqual([
    ["prices 2.0.0 published"],
    ["prices 2.0.0 published"],
  ]);
  // Nothing is said about what runs in the slot, and nothing is done there.
  expect(await owedSlots()).toBe(0);
  expect(second.runs()).toEqual(["1.0.0"]);
  expect((await fleet.call("GET", `/changes/${change.id}`)).allowedActions).toContain("rollback");
});

test("a base whose process is gone while its host is there is said before, fails in its turn, and is retried alone", async () => {
  const [, second] = hosts;
  gone.add(second.name);
  await tell(second);
  const spec = { cluster: "front", modules: [{ name: "prices", version: "1.0.0" }] };
  const planned = JSON.stringify(await fleet.call("POST", "/changes/plan", { kind: MODULE_RELEASE, spec }));
  expect(planned).toContain("no process of it answers, and one must when its turn comes: shop@h2");
  const change = await release("1.0.0");
  expect(change).toMatchObject({ state: "failed", targets: { succeeded: 1, failed: 1 } });
  gone.delete(second.name);
  await tell(second);
  await fleet.call("POST", `/changes/${change.id}/retry`, {});
  expect((await fleet.waitFor(change.id, "succeeded")).targets).toMatchObject({ succeeded: 2, failed: 0 });
  expect(held.get(second.name)).toEqual(["prices 1.0.0 published"]);
});

test("what was taken away while a base was away is taken away there, and what no order has brought stays", async () => {
  const [, second] = hosts;
  await release("1.0.0");
  held.get(second.name)?.push("guest 7.0.0");
  await tell(second);
  await second.cut();
  await carryOut(MODULE_OPERATION, { operation: "uninstall", cluster: "front", module: "prices" });
  await second.connect();
  await converged(1);
  expect(held.get(second.name)).toEqual(["guest 7.0.0"]);
});

test("a base that cannot be given what it missed is left as it is, named, and tried again when its host returns", async () => {
  const [, second] = hosts;
  await second.cut();
  await release("1.0.0");
  fleet.interfere = (name, command) =>
    command.type === "install-module"
      ? {
          kind: "failed",
          problem: problemOf("MODULE_LOAD_FAILED", { module: "prices@1.0.0", problem: "no luck" }),
          elapsedMs: 1,
        }
      : obey(name, command);
  await second.connect();
  await until(async () => (await fleet.changesOf(CONVERGENCE))[0]?.state === "closed");
  expect((await fleet.call("GET", "/doctor")).items).toContainEqual(
    expect.objectContaining({ actions: expect.arrayContaining(["converge shop --host h2 --modules"]) }),
  );
  fleet.interfere = obey;
  await second.cut();
  await second.connect();
  await converged(1);
  expect(held.get(second.name)).toEqual(["prices 1.0.0 published"]);
});
