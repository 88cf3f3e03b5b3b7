import type { Change } from "@evenkeel/contracts/change";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { Shop, settled } from "@evenkeel/testkit/shop";
import { afterAll, beforeAll, expect, test } from "vitest";

let platform: Platform;
let shop: Shop;
beforeAll(async () => {
  platform = await startPlatform();
  shop = new Shop(platform);
});
afterAll(() => platform.remove());

const batchesOf = ({ groups }: Change) => groups.flatMap(({ batches }) => batches);
const statesOf = (change: Change) => batchesOf(change).map(({ name, state }) => `${name}: ${state}`);
const hostsOf = (change: Change) =>
  batchesOf(change).map(({ name, targets }) => `${name}: ${targets.map((target) => target.name).join(" ")}`);
const trafficOf = (change: Change) => batchesOf(change)[0]?.targets.map(({ traffic }) => traffic);

/** Which versions answer; every instance in the routes is met. */
async function versionsServed(): Promise<string[]> {
  const versions = new Set<string>();
  for (let asked = 0; asked < 24; asked += 1) versions.add((await shop.ask()).version);
  return [...versions].toSorted();
}

async function confirm(change: Change, batchIds: string[]): Promise<Change> {
  await platform.client.confirmChange({ params: { changeId: change.id }, body: { batchIds } });
  return await settled(platform, change);
}

const atTheGate = { batches: { by: "zone" }, confirm: "each", gate: "traffic" };

test("a new version stands beside the old one without a request until a person confirms it, and none is lost", async () => {
  expect((await shop.release({ version: "1.0.0" })).state).toBe("succeeded");
  const load = shop.load();
  const waiting = await shop.release({ version: "2.0.0", strategy: atTheGate });
  expect(waiting.state).toBe("awaiting-confirmation");
  expect(statesOf(waiting)).toEqual(["zone a: awaiting-confirmation", "zone b: pending"]);
  const there = (await shop.instances()).map(({ hostName, packageVersion, state }) => [
    hostName,
    packageVersion,
    state,
  ]);
  expect(there.filter(([, version]) => version === "2.0.0")).toEqual([
    ["local-1", "2.0.0", "healthy"],
    ["local-2", "2.0.0", "healthy"],
  ]);
  expect(await versionsServed()).toEqual(["1.0.0"]);

  const second = await confirm(waiting, [batchesOf(waiting)[0]?.batchId ?? ""]);
  expect(statesOf(second)).toEqual(["zone a: succeeded", "zone b: awaiting-confirmation"]);
  expect(await versionsServed()).toEqual(["1.0.0", "2.0.0"]);
  const ended = await confirm(waiting, [batchesOf(waiting)[1]?.batchId ?? ""]);
  expect(ended.state).toBe("succeeded");
  expect(await versionsServed()).toEqual(["2.0.0"]);
  const { failed, failures } = await load.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
});

test("in-place the hosts wait out of the routes; cancelled there, they get no traffic, and a rollback brings the old version back", async () => {
  const load = shop.load();
  const manifest = { replace: "in-place" };
  const waiting = await shop.release({ version: "3.0.0", manifest, strategy: atTheGate });
  expect([waiting.state, trafficOf(waiting)]).toEqual(["awaiting-confirmation", ["detached", "detached"]]);
  expect(await versionsServed()).toEqual(["2.0.0"]);
  await platform.client.cancelChange({ params: { changeId: waiting.id }, body: {} });
  const cancelled = await settled(platform, waiting);
  expect([cancelled.state, cancelled.problem?.code]).toEqual(["failed", "TRAFFIC_UNCONFIRMED"]);
  expect(cancelled.allowedActions).toEqual(expect.arrayContaining(["retry", "rollback"]));
  const body = { speed: "fast" as const, reason: "nobody wants it" };
  await platform.client.rollbackChange({ params: { changeId: waiting.id }, body });
  expect((await settled(platform, waiting)).state).toBe("rolled-back");
  const { failed, failures, byVersion } = await load.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
  expect(Object.keys(byVersion)).toEqual(["2.0.0"]);
  expect((await shop.instances()).map(({ hostName, packageVersion }) => `${hostName} ${packageVersion}`)).toEqual([
    "local-1 2.0.0",
    "local-2 2.0.0",
    "local-3 2.0.0",
    "local-4 2.0.0",
  ]);
});

test("with `continue` every host is tried within its deadline, and none of those that failed gets a request", async () => {
  const load = shop.load();
  const strategy = {
    ...{ batches: "each", healthyDeadlineSeconds: 1, progressDeadlineSeconds: 120 },
    budget: { failures: 1, action: "continue" },
  };
  const sick = await shop.release({ version: "3.1.0", health: 500, strategy });
  expect([sick.state, sick.targets.failed]).toEqual(["failed", 4]);
  const problems = batchesOf(sick).flatMap(({ targets }) => targets.map(({ problem }) => problem));
  for (const problem of problems) expect(problem).toMatchObject({ code: "HEALTH_TIMEOUT", facts: { seconds: 1 } });
  const body = { speed: "fast" as const, reason: "it is sick" };
  await platform.client.rollbackChange({ params: { changeId: sick.id }, body });
  expect((await settled(platform, sick)).state).toBe("rolled-back");
  const { failed, failures, byVersion } = await load.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
  expect(Object.keys(byVersion)).toEqual(["2.0.0"]);
});

test("a release of one zone leaves the other, in the order and the batches that a person arranged", async () => {
  const strategy = { zone: "b", order: [{ hosts: ["local-4"] }], batches: "each" };
  const planned = await shop.plan({ version: "4.0.0", strategy });
  expect(hostsOf(planned)).toEqual(["batch 1: local-4", "batch 2: local-3"]);
  expect(planned.warnings).toContain("zone b only: 2 of 4 hosts stay as they are");
  const { groupId } = planned.groups[0]!;
  const merged = [{ name: "both", targetIds: ["local-3", "local-4"] }];
  const params = { changeId: planned.id };
  const arranged = await platform.client.replanChange({ params, body: { groups: [{ groupId, batches: merged }] } });
  expect(hostsOf(arranged)).toEqual(["both: local-3 local-4"]);
  expect(arranged.planDigest).not.toBe(planned.planDigest);
  await platform.client.startChange({ params, body: {} });
  expect((await settled(platform, planned)).state).toBe("succeeded");
  expect((await shop.instances()).map(({ packageVersion }) => packageVersion)).toEqual([
    "2.0.0",
    "2.0.0",
    "4.0.0",
    "4.0.0",
  ]);
  expect((await shop.release({ version: "5.0.0" })).targets).toMatchObject({ total: 4, succeeded: 4 });
});

test("a strategy that names what is not there is refused, and nothing is planned", async () => {
  const refused = async (strategy: object) =>
    await shop.plan({ version: "6.0.0", strategy: { ...strategy } }).then(
      () => "planned",
      (error: { code: string }) => error.code,
    );
  for (const strategy of [
    { zone: "x" },
    { beta: ["local-9"] },
    { order: [{ hosts: ["local-9"] }] },
    { confirm: ["zone x"] },
    { beta: 3, cap: 2 },
  ])
    expect([strategy, await refused(strategy)]).toEqual([strategy, "STRATEGY_UNFIT"]);
});
