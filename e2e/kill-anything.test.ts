import { setTimeout as sleep } from "node:timers/promises";
import { killIdentity, type ProcessIdentity, waitGone } from "@evenkeel/kit/process-identity";
import { Dice } from "@evenkeel/testkit/kill-anything/dice";
import { killAnything } from "@evenkeel/testkit/kill-anything/run";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { type Effect, Shop, settled, until } from "@evenkeel/testkit/shop";
import { afterEach, expect, test } from "vitest";

const KILLS = 40;
const LIMIT_MS = 900_000;

const platforms: Platform[] = [];
afterEach(async () => {
  for (const platform of platforms.splice(0).toReversed()) await platform.remove();
});

async function start(home?: string): Promise<Platform> {
  const platform = await startPlatform({ ...(home !== undefined && { home }) });
  platforms.push(platform);
  return platform;
}

const seed = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000);
console.log(`KILL_SEED=${seed} gives this schedule again`);

/** What a release of `to` does on its hosts when each of its steps takes effect exactly once. */
function expectEachEffectOnce(effects: readonly Effect[], { to, from }: { to: string; from: string }): void {
  const count = (what: string, version: string) => {
    const hosts = effects.filter((effect) => effect.what === what && effect.version === version);
    return Object.fromEntries(
      Map.groupBy(hosts, ({ host }) => host)
        .entries()
        .map(([host, { length }]) => [host, length]),
    );
  };
  const once = Object.fromEntries(Object.keys(count("start", "1.0.0")).map((host) => [host, 1]));
  expect(Object.keys(once)).toHaveLength(4);
  expect({ started: count("start", to), stopped: count("stop", from) }).toEqual({ started: once, stopped: once });
}

test("processes of every kind are killed and frozen at random under releases, rollbacks and retries: nothing is lost, repeated or stuck", {
  timeout: LIMIT_MS,
}, async () => {
  const report = await killAnything({
    ...{ seed, kills: KILLS, say: console.log },
    onPlatform: (platform) => void platforms.push(platform),
  });
  console.log(JSON.stringify({ ...report, wrong: report.wrong.length }));
  expect({ seed, wrong: report.wrong }).toEqual({ seed, wrong: [] });
  const { lostChanges, repeatedSteps, stuckChanges, failedRequests } = report;
  expect([lostChanges, repeatedSteps, stuckChanges, failedRequests]).toEqual([0, 0, 0, 0]);
  expect(report.kills).toBeGreaterThanOrEqual(KILLS);
  expect(Math.min(...Object.values(report.killed))).toBeGreaterThan(0);
  expect(report.requests).toBeGreaterThan(1000);
});

test("kill -9 of everything at once in the middle of a release: the next start ends it, each effect once", async () => {
  const first = await start();
  const before = new Shop(first);
  expect((await before.release({ version: "1.0.0" })).state).toBe("succeeded");
  const old = await before.instances();
  const release = await before.start({ version: "2.0.0", strategy: { batches: "each", bakeSeconds: 2 } });
  await until(first, release, ({ targets }) => targets.succeeded > 0);
  await sleep(new Dice(seed).between(0, 1500));
  const parts: ProcessIdentity[] = Object.values(await first.parts());
  await first.killSupervisor();
  for (const part of parts) killIdentity(part, "SIGKILL");
  for (const part of parts) expect(await waitGone(part, 10_000)).toBe(true);
  const started = before.effects().filter(({ what, version }) => what === "start" && version === "2.0.0");
  expect(started.length).toBeLessThan(4);

  const second = await start(first.home);
  const shop = new Shop(second);
  const ended = await settled(second, release);
  expect({ seed, state: ended.state, problem: ended.problem }).toEqual({ seed, state: "succeeded", problem: null });
  expectEachEffectOnce(shop.effects(), { to: "2.0.0", from: "1.0.0" });
  // What the kill left running was never stopped in between: it is the process that the release has ended.
  const stopped = shop.effects().filter(({ what }) => what === "stop");
  expect(stopped.map(({ pid }) => pid).toSorted()).toEqual(old.map(({ pid }) => pid).toSorted());
  expect((await shop.ask()).version).toBe("2.0.0");
});
