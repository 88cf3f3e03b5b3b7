import { once } from "node:events";
import { rmSync } from "node:fs";
import { newerClone } from "@evenkeel/testkit/newer-clone";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { Shop, settled, until } from "@evenkeel/testkit/shop";
import { afterEach, expect, test } from "vitest";

const platforms: Platform[] = [];
const folders: string[] = [];
afterEach(async () => {
  for (const platform of platforms.splice(0).toReversed()) await platform.remove();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

test("the platform is upgraded in the midst of a batch: the release ends under the newer version, each effect once, without a failed request", async () => {
  const first = await startPlatform();
  platforms.push(first);
  const shop = new Shop(first);
  expect((await shop.release({ version: "1.0.0" })).state).toBe("succeeded");
  const { folder, version } = newerClone();
  folders.push(folder);
  const load = shop.load();
  const before = await first.parts();
  const strategy = { batches: "each", minimumHealthySeconds: 2 };
  const release = await shop.start({ version: "2.0.0", strategy });
  await until(first, release, ({ targets }) => targets.succeeded === 1);

  const left = once(first.supervisor, "exit");
  const second = await startPlatform({ home: first.home, root: folder });
  platforms.push(second);
  await left;
  expect(second.output()).toContain(`Evenkeel ${version} in`);
  expect((await second.client.getHealth()).version).toBe(version);
  const after = await second.parts();
  const moved = Object.keys(before).filter((name) => after[name]?.pid !== before[name]?.pid);
  expect(moved).toEqual(["control-plane-1"]);
  const midst = await second.client.getChange({ params: { changeId: release.id } });
  // Otherwise the newer version had nothing to do.
  expect([midst.state, midst.targets.succeeded < 4]).toEqual(["running", true]);

  const ended = await settled(second, release);
  expect([ended.state, ended.problem, ended.targets.succeeded]).toEqual(["succeeded", null, 4]);
  const effects = shop.effects();
  const hosts = effects.filter((one) => one.what === "start" && one.version === "2.0.0").map(({ host }) => host);
  expect([hosts.length, new Set(hosts).size]).toEqual([4, 4]);
  expect(effects.filter(({ what }) => what === "stop")).toHaveLength(4);
  const { failed, failures } = await load.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
});
