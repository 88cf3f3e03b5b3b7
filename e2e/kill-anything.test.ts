import { setTimeout as sleep } from "node:timers/promises";
import type { Change } from "@evenkeel/contracts/change";
import { killIdentity, type ProcessIdentity, waitGone } from "@evenkeel/kit/process-identity";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { type Effect, Shop, settled, until } from "@evenkeel/testkit/shop";
import { afterEach, expect, test } from "vitest";

const ROUNDS = 3;
const KILLS_OF_A_ROUND = 3;

const platforms: Platform[] = [];
afterEach(async () => {
  for (const platform of platforms.splice(0).toReversed()) await platform.remove();
});

async function start(home?: string): Promise<Platform> {
  const platform = await startPlatform({ ...(home !== undefined && { home }) });
  platforms.push(platform);
  return platform;
}

/** Numbers from 0 to 1 that are the same for the same seed: mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const seed = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000);
const random = randomFrom(seed);
console.log(`KILL_SEED=${seed} gives this schedule again`);

interface Kill {
  readonly afterMs: number;
  readonly victim: string;
}

/** One kill of the control plane and one of an agent at least, each at any instant of a release. */
function schedule(): Kill[] {
  const agent = (): string => `agent-local-${1 + Math.floor(random() * 4)}`;
  const victims = ["control-plane-1", agent(), random() < 0.5 ? "control-plane-1" : agent()];
  const kills = victims.slice(0, KILLS_OF_A_ROUND).map((victim) => ({ victim, at: random() }));
  return kills
    .toSorted((one, other) => one.at - other.at)
    .map(({ victim }) => ({ victim, afterMs: Math.round(100 + random() * 1500) }));
}

/** Kills by the schedule for as long as the release is under way; tells which kills came in time. */
async function killAlong(platform: Platform, kills: readonly Kill[], isOver: () => boolean): Promise<string[]> {
  const done: string[] = [];
  for (const { afterMs, victim } of kills) {
    await sleep(afterMs);
    if (isOver()) break;
    const identity = (await platform.parts())[victim];
    if (identity !== undefined && killIdentity(identity, "SIGKILL")) done.push(`${victim} after ${afterMs} ms`);
  }
  return done;
}

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

test("control plane and agents are killed at random in the middle of releases: no request fails, each effect happens once", async () => {
  const platform = await start();
  const shop = new Shop(platform);
  expect((await shop.release({ version: "1.0.0" })).state).toBe("succeeded");
  const load = shop.load();
  for (let round = 1; round <= ROUNDS; round += 1) {
    const kills = schedule();
    let over = false;
    const release = await shop.start({ version: `${round + 1}.0.0`, strategy: { beta: 1, bakeSeconds: 0.5 } });
    const killing = killAlong(platform, kills, () => over);
    const ended: Change = await settled(platform, release);
    over = true;
    console.log(`round ${round}: ${(await killing).join(", ")}: ${ended.state}`);
    expect({ seed, round, state: ended.state, problem: ended.problem }).toEqual({
      ...{ seed, round, state: "succeeded", problem: null },
    });
    expect((await killing).length).toBeGreaterThan(0);
    expectEachEffectOnce(shop.effects(), { to: `${round + 1}.0.0`, from: `${round}.0.0` });
  }
  const { failed, failures, requests } = await load.stop();
  expect({ seed, failed, failures }).toEqual({ seed, failed: 0, failures: [] });
  expect(requests).toBeGreaterThan(1000);
});

test("kill -9 of everything at once in the middle of a release: the next start ends it, each effect once", async () => {
  const first = await start();
  const before = new Shop(first);
  expect((await before.release({ version: "1.0.0" })).state).toBe("succeeded");
  const old = await before.instances();
  const release = await before.start({ version: "2.0.0", strategy: { batches: "each", bakeSeconds: 2 } });
  await until(first, release, ({ targets }) => targets.succeeded > 0);
  await sleep(Math.round(random() * 1500));
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
