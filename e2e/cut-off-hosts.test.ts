import { existsSync } from "node:fs";
import type { Change } from "@evenkeel/contracts/change";
import { killIdentity, type ProcessIdentity } from "@evenkeel/kit/process-identity";
import { hostInState, joinHost, signalAgents } from "@evenkeel/testkit/extra-host";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { Shop, settled, until } from "@evenkeel/testkit/shop";
import { afterAll, beforeAll, expect, test } from "vitest";

// Batches by zone: these two are the second one.
const AWAY = ["local-3", "local-4"];

let platform: Platform;
let shop: Shop;
beforeAll(async () => {
  platform = await startPlatform();
  shop = new Shop(platform);
  expect((await shop.release({ version: "1.0.0" })).state).toBe("succeeded");
});
afterAll(async () => {
  await signalAgents(platform, AWAY, "SIGCONT");
  await platform.remove();
});

/** They are back, and a command that was sent to each of them after that has been there and back. */
async function comeBack(): Promise<void> {
  await signalAgents(platform, AWAY, "SIGCONT");
  for (const name of AWAY) await hostInState(platform, name, "online");
  await probe();
}

/** Every agent has answered a command. */
async function probe(): Promise<void> {
  const { client } = platform;
  const spec = { workspace: "local", operation: "probe" };
  const { id } = await client.createChange({ body: { kind: "host-operation", spec } });
  await client.startChange({ params: { changeId: id }, body: {} });
  expect((await settled(platform, { id })).state).toBe("succeeded");
}

/** Starts a release, and lets the hosts of its second batch go away while their new instances prove their health. */
async function releaseWithoutThem(version: string): Promise<Change> {
  const release = await shop.start({ version, strategy: { minimumHealthySeconds: 4 } });
  const proving = (change: Change): boolean =>
    stepsOn(change).filter(({ name, state }) => name === "start-instance" && state === "succeeded").length ===
    AWAY.length;
  await until(platform, release, proving);
  await signalAgents(platform, AWAY, "SIGSTOP");
  return release;
}

function stepsOn({ groups }: Change) {
  const targets = groups.flatMap(({ batches }) => batches.flatMap((batch) => batch.targets));
  return targets.filter(({ name }) => AWAY.includes(name)).flatMap(({ steps }) => steps);
}

/** The processes that this version has started. */
const startsOf = (version: string): string[] =>
  shop
    .effects()
    .filter((effect) => effect.what === "start" && effect.version === version)
    .map(({ pid }) => `${pid}`);

test("a pause while hosts are cut off: nothing starts on their return, and resume ends the release", async () => {
  const load = shop.load();
  const release = await releaseWithoutThem("2.0.0");
  await platform.client.pauseChange({ params: { changeId: release.id }, body: { now: true } });
  await until(platform, release, ({ state }) => state === "paused");
  const paused = shop.effects();
  await comeBack();
  expect(shop.effects()).toEqual(paused);
  const look = () => platform.client.getChange({ params: { changeId: release.id } });
  // What became of their steps they tell when they are back.
  await expect.poll(async () => (await look()).targets.unknown, { timeout: 60_000 }).toBe(0);
  const change = await look();
  expect(change.state).toBe("paused");
  // What the pause left between two steps goes on where a person says so.
  if (change.targets.failed > 0) await platform.client.retryChange({ params: { changeId: release.id }, body: {} });
  await platform.client.resumeChange({ params: { changeId: release.id }, body: {} });
  const ended = await settled(platform, release);
  expect([ended.state, ended.problem, ended.targets.succeeded]).toEqual(["succeeded", null, 4]);
  expect(new Set(startsOf("2.0.0")).size).toBe(4);
  expect(startsOf("2.0.0")).toHaveLength(4);
  const { failed, failures } = await load.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
});

test("a cancel while hosts are cut off: nothing starts on their return, and a rollback brings all to what ran before", async () => {
  const load = shop.load();
  const release = await releaseWithoutThem("3.0.0");
  await platform.client.cancelChange({ params: { changeId: release.id }, body: {} });
  // Two hosts cannot be brought to a whole state.
  expect((await settled(platform, release)).state).toBe("failed");
  const before = shop.effects();
  await comeBack();
  expect(shop.effects()).toEqual(before);
  await platform.client.rollbackChange({
    params: { changeId: release.id },
    body: { speed: "fast", reason: "it was cancelled" },
  });
  await until(platform, release, ({ state }) => state === "rolled-back");
  expect((await shop.instances()).map(({ packageVersion }) => packageVersion)).toEqual(Array(4).fill("2.0.0"));
  const { failed, failures } = await load.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
});

test("a gateway that is cut off keeps a release from moving traffic, which says so and what frees it; back, it goes on", async () => {
  const { client } = platform;
  const gateway = (await platform.parts()).gateway as ProcessIdentity;
  const release = await shop.plan({ version: "4.0.0" });
  const params = { changeId: release.id };
  killIdentity(gateway, "SIGSTOP");
  try {
    await client.startChange({ params, body: {} });
    const blockers = async (): Promise<unknown[]> => {
      const { items } = await client.listBlockers({ params });
      return items.map(({ kind, problem, actions }) => [kind, problem.code, problem.facts.gateway, actions]);
    };
    const blocked = ["gateway", "GATEWAY_AWAY", "gateway", ["gateway remove gateway"]];
    await expect.poll(blockers, { timeout: 60_000 }).toContainEqual(blocked);
  } finally {
    killIdentity(gateway, "SIGCONT");
  }
  expect((await settled(platform, release)).state).toBe("succeeded");
  expect((await client.listBlockers({ params })).items).toEqual([]);
});

test("a lock that is taken over while an agent stands still before a start: it never starts, and the next release has the host", async () => {
  const { client } = platform;
  // Its third command is the start, after fetch and stage: written to its journal, and nothing done.
  const environment = { EVENKEEL_FREEZE_AT: "after-start-journal:3" };
  const edge = await joinHost(platform, { name: "edge", address: "127.0.77.9", environment });
  const other = new Shop(platform, "edge-shop");
  const manifest = { hosts: ["edge"] };
  const release = await other.start({ version: "1.0.0", manifest });
  await until(platform, release, ({ targets }) => targets.unknown === 1);
  await until(platform, release, ({ state }) => state === "failed");
  const { items } = await client.listLocks({});
  const held = items.find(({ changeId, mode }) => changeId === release.id && mode === "exclusive");
  await client.takeLockOver({ body: { resource: held?.resource ?? "", reason: "the host is gone" } });
  killIdentity(edge.agent, "SIGCONT");
  await hostInState(platform, "edge", "online");
  await probe();
  expect(existsSync(other.effectsFile)).toBe(false);
  expect((await other.release({ version: "2.0.0", manifest })).state).toBe("succeeded");
  expect(other.effects().map(({ what, version }) => `${what} ${version}`)).toEqual(["start 2.0.0"]);
});
