import { hostInState, signalAgents } from "@evenkeel/testkit/extra-host";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { Shop, settled, until } from "@evenkeel/testkit/shop";
import { afterAll, beforeAll, expect, test } from "vitest";

const AWAY = "local-4";
const KEEPER = "evenkeel";

let platform: Platform;
let shop: Shop;
beforeAll(async () => {
  platform = await startPlatform();
  shop = new Shop(platform);
  expect((await shop.release({ version: "1.0.0" })).state).toBe("succeeded");
});
afterAll(async () => {
  await signalAgents(platform, [AWAY], "SIGCONT");
  await platform.remove();
});

async function versions(): Promise<Record<string, string>> {
  return Object.fromEntries((await shop.instances()).map(({ hostName, packageVersion }) => [hostName, packageVersion]));
}

/** The changes that were made for hosts that came back, oldest first. */
async function convergences() {
  const { items } = await platform.client.listChanges({ query: { workspace: "local" } });
  return items.filter(({ createdBy }) => createdBy === KEEPER).toReversed();
}

test("a host cut off before a release is listed as left out, and gets what its service runs now when it is back, by a change of its own", async () => {
  const load = shop.load();
  await signalAgents(platform, [AWAY], "SIGSTOP");
  await hostInState(platform, AWAY, "offline");
  const release = await shop.release({ version: "2.0.0" });
  expect([release.state, release.targets.succeeded, release.targets.offline]).toEqual(["succeeded", 3, 1]);
  const newer = await shop.release({ version: "3.0.0" });
  expect([newer.state, newer.targets.offline]).toEqual(["succeeded", 1]);
  expect(await convergences()).toEqual([]);

  await signalAgents(platform, [AWAY], "SIGCONT");
  await expect.poll(versions, { timeout: 60_000 }).toMatchObject({ [AWAY]: "3.0.0" });
  const made = await convergences();
  for (const change of made) expect((await settled(platform, change)).state).toBe("succeeded");
  expect(made).toHaveLength(1);
  expect(shop.effects().filter(({ what, version }) => what === "start" && version === "2.0.0")).toHaveLength(3);
  expect(await versions()).toEqual({ "local-1": "3.0.0", "local-2": "3.0.0", "local-3": "3.0.0", "local-4": "3.0.0" });
  const { failed, failures } = await load.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
});

test("a host cut off while a release is under way converges too, and one cut off after it has nothing to catch up", async () => {
  const release = await shop.start({ version: "4.0.0", strategy: { batches: { by: "zone" }, confirm: "first" } });
  await until(platform, release, ({ state }) => state === "awaiting-confirmation");
  await signalAgents(platform, [AWAY], "SIGSTOP");
  await hostInState(platform, AWAY, "offline");
  const { groups } = await platform.client.getChange({ params: { changeId: release.id } });
  const batchIds = groups.flatMap(({ batches }) =>
    batches.flatMap(({ batchId, gate }) => (gate === null ? [] : [batchId])),
  );
  await platform.client.confirmChange({ params: { changeId: release.id }, body: { batchIds } });
  const ended = await settled(platform, release);
  expect([ended.state, ended.targets.succeeded, ended.targets.offline]).toEqual(["succeeded", 3, 1]);
  await signalAgents(platform, [AWAY], "SIGCONT");
  await expect.poll(versions, { timeout: 60_000 }).toMatchObject({ [AWAY]: "4.0.0" });
  for (const change of await convergences()) expect((await settled(platform, change)).state).toBe("succeeded");
  const before = (await convergences()).length;

  await signalAgents(platform, [AWAY], "SIGSTOP");
  await hostInState(platform, AWAY, "offline");
  await signalAgents(platform, [AWAY], "SIGCONT");
  await hostInState(platform, AWAY, "online");
  expect(await convergences()).toHaveLength(before);
});
