import { globSync } from "node:fs";
import { joinHost } from "@evenkeel/testkit/extra-host";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { Shop } from "@evenkeel/testkit/shop";
import { afterEach, expect, test } from "vitest";

const HOUR_MS = 3_600_000;
const [FAKETIME] = globSync("/usr/lib/*/faketime/libfaketime.so.1");

const platforms: Platform[] = [];
afterEach(async () => {
  for (const platform of platforms.splice(0)) await platform.remove();
});

/** Only the clock that people set is another; what measures spans is not. */
const skewed = (by: string): Record<string, string> => ({
  LD_PRELOAD: FAKETIME ?? "",
  FAKETIME: by,
  FAKETIME_DONT_FAKE_MONOTONIC: "1",
});

test("agents whose clocks are an hour off release and roll back like the others, are told of, and their times are not believed", async ({
  skip,
}) => {
  skip(FAKETIME === undefined, "libfaketime is not installed");
  const platform = await startPlatform();
  platforms.push(platform);
  await joinHost(platform, { name: "early", address: "127.0.77.1", zone: "a", environment: skewed("-1h") });
  await joinHost(platform, { name: "late", address: "127.0.77.2", zone: "b", environment: skewed("+1h") });
  const shop = new Shop(platform);
  expect((await shop.release({ version: "1.0.0" })).state).toBe("succeeded");
  const load = shop.load();
  const release = await shop.release({ version: "2.0.0", strategy: { batches: "each", bakeSeconds: 0.2 } });
  expect([release.state, release.targets.succeeded]).toEqual(["succeeded", 6]);
  const moments = release.groups
    .flatMap(({ batches }) => batches.flatMap(({ targets }) => targets.flatMap(({ steps }) => steps)))
    .flatMap(({ startedAt, finishedAt }) => [startedAt, finishedAt].filter((at) => at !== null).map(Date.parse));
  expect(Math.max(...moments) - Math.min(...moments)).toBeLessThan(HOUR_MS / 2);

  const told = async (): Promise<unknown[]> => {
    const { items } = await platform.client.getDoctor();
    const skews = items.filter(({ problem }) => problem.code === "CLOCK_SKEWED");
    return skews.map(({ problem }) => problem.facts.host).toSorted();
  };
  await expect.poll(told, { timeout: 60_000 }).toEqual(["early", "late"]);

  const { id } = await platform.client.rollbackChange({
    params: { changeId: release.id },
    body: { speed: "fast", reason: "as before" },
  });
  await platform.client.startChange({ params: { changeId: id }, body: {} });
  await expect
    .poll(async () => (await platform.client.getChange({ params: { changeId: id } })).state, { timeout: 60_000 })
    .toBe("succeeded");
  expect((await shop.instances()).map(({ packageVersion }) => packageVersion)).toEqual(Array(6).fill("1.0.0"));
  const { failed, failures } = await load.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
});
