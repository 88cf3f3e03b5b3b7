import type { Change } from "@evenkeel/contracts/change";
import type { GuardVerdict } from "@evenkeel/contracts/guard";
import { runCommand } from "@evenkeel/testkit/command";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { type Flaws, Shop, settled } from "@evenkeel/testkit/shop";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

// Real requests, through the real gateway, judged by what it counted.

let platform: Platform;
let shop: Shop;
let load: ReturnType<Shop["load"]> | null = null;
let made = 0;

beforeAll(async () => {
  platform = await startPlatform();
  shop = new Shop(platform);
  expect((await shop.release({ version: "1.0.0" })).state).toBe("succeeded");
});
afterEach(async () => {
  await load?.stop();
  load = null;
});
afterAll(() => platform.remove());

const underLoad = (rate?: number) => {
  load = shop.load(rate);
  return load;
};

interface Trial {
  readonly guards: readonly object[];
  readonly flaws?: Flaws;
  readonly strategy?: Readonly<Record<string, unknown>>;
}

/** A new version with these flaws, beta first, watched by these guards. */
async function release({ guards, flaws, strategy }: Trial): Promise<Change> {
  made += 1;
  return await shop.start({
    version: `2.0.${made}`,
    ...(flaws !== undefined && { flaws }),
    strategy: { beta: 1, batches: "all", guards, ...strategy },
  });
}

/** Waits until the gateway has told of so many requests: then there is a time before a change to compare with. */
async function counted(requests: number): Promise<void> {
  const { id } = await shop.service();
  for (;;) {
    const { items } = await platform.client.listSamples({ query: { service: id, sinceSeconds: 5, limit: 1000 } });
    if (items.reduce((sum, sample) => sum + sample.requests, 0) >= requests) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const versions = async () => (await shop.instances()).map(({ packageVersion }) => packageVersion);
const startedOn = (change: Change) => {
  const version = change.groups[0]?.batches[0]?.targets[0]?.to;
  return new Set(
    shop
      .effects()
      .filter((effect) => effect.what === "start" && effect.version === version)
      .map(({ host }) => host),
  );
};
const verdicts = ({ groups }: Change): GuardVerdict[] =>
  groups.flatMap(({ batches }) => batches.flatMap((batch) => batch.guards));
const show = async ({ id }: Change) => (await runCommand(platform, ["change", "show", id])).stdout;

/** What every guard does that finds the beta worse: everything is as it was, and no other host was touched. */
async function expectRolledBack(change: Change, evidence: RegExp): Promise<void> {
  expect(change).toMatchObject({ state: "rolled-back", problem: { code: "GUARD_WORSE" } });
  expect(verdicts(change)).toMatchObject([{ outcome: "worse", text: expect.stringMatching(evidence) }]);
  expect(startedOn(change).size).toBe(1);
  expect(await versions()).toEqual(["1.0.0", "1.0.0", "1.0.0", "1.0.0"]);
  const shown = await show(change);
  console.log(shown);
  expect(shown).toMatch(evidence);
  expect(shown).toContain("rolled-back");
}

test("a version that is healthy and answers 500 to one request in twenty is rolled back at its beta, with the evidence", async () => {
  underLoad();
  const guards = [{ kind: "error-rate", action: "rollback", windowSeconds: 20 }];
  const change = await settled(platform, await release({ guards, flaws: { failOneOf: 20 } }));
  await expectRolledBack(change, /2\.0\.\d+: \d+ of \d+ requests failed \([\d.]+ %\), 1\.0\.0: 0 of \d+; p /);
  const rollback = await platform.client.getChange({ params: { changeId: change.rollbackChangeId ?? change.id } });
  expect(rollback).toMatchObject({ state: "succeeded", createdBy: "evenkeel" });
  expect(rollback.reason).toContain("error rate");
});

test("a version whose slowest requests take longer is stopped; the rest of its batches never begins", async () => {
  underLoad();
  const guards = [{ kind: "latency", windowSeconds: 20 }];
  const change = await settled(platform, await release({ guards, flaws: { slowOneOf: 20, slowMs: 600 } }));
  expect(change).toMatchObject({ state: "paused", problem: { code: "GUARD_WORSE" } });
  expect(verdicts(change)).toMatchObject([{ outcome: "worse", text: expect.stringMatching(/p99 \d{3} ms.*p /) }]);
  expect(startedOn(change).size).toBe(1);
  expect(await show(change)).toMatch(/✖ p99 latency {2}2\.0\.\d: p99/);
  const body = { speed: "fast" as const, reason: "too slow" };
  await platform.client.rollbackChange({ params: { changeId: change.id }, body });
  expect((await settled(platform, change)).state).toBe("rolled-back");
});

test("an equal version passes every guard, batch after batch, and its numbers stay to be read", async () => {
  underLoad();
  const guards = [
    { kind: "error-rate", windowSeconds: 15 },
    { kind: "latency", quantile: "p50", windowSeconds: 15 },
    { kind: "latency", quantile: "p99", windowSeconds: 15 },
    { kind: "restarts" },
    { kind: "health" },
  ].map((guard) => ({ windowSeconds: 15, ...guard }));
  const change = await settled(platform, await release({ guards }));
  expect({ state: change.state, problem: change.problem, verdicts: verdicts(change) }).toMatchObject({
    state: "succeeded",
    problem: null,
  });
  expect(verdicts(change).map(({ outcome, final }) => [outcome, final])).toEqual(
    Array.from({ length: 10 }, () => ["pass", true]),
  );
  console.log(await show(change));
  expect((await load?.stop())?.failed).toBe(0);
});

test("without traffic there is nothing to judge by: it pauses, a person goes on in spite of it, and the next batch is judged again", async () => {
  const guards = ["error-rate", "latency"].map((kind) => ({ kind, action: "rollback", windowSeconds: 3 }));
  const first = await settled(platform, await release({ guards, strategy: { beta: 0, batches: { by: "zone" } } }));
  expect(first).toMatchObject({ state: "paused", problem: { code: "GUARD_NO_DATA" } });
  const unjudged = { outcome: "no-data", final: true, overruledBy: null };
  expect(verdicts(first)).toMatchObject([unjudged, unjudged]);
  await platform.client.resumeChange({ params: { changeId: first.id }, body: {} });
  const second = await settled(platform, first);
  expect(second).toMatchObject({ state: "paused", problem: { code: "GUARD_NO_DATA" } });
  const overruled = { outcome: "no-data", overruledBy: "admin" };
  expect(verdicts(second)).toMatchObject([overruled, overruled, unjudged, unjudged]);
  expect(await show(second)).toMatch(/cannot judge: .* requests, 100 are needed {2}overruled by admin/);
  await platform.client.resumeChange({ params: { changeId: second.id }, body: {} });
  expect((await settled(platform, second)).state).toBe("succeeded");
});

test("a restart is watched like a release: hosts that were restarted against those that were not", async () => {
  underLoad();
  await counted(200);
  const [version] = await versions();
  const guards = ["error-rate", "restarts"].map((kind) => ({ kind, action: "rollback", windowSeconds: 8 }));
  const spec = { service: "shop", operation: "restart", strategy: { batches: { count: 2 }, guards } };
  const { id } = await platform.client.createChange({ body: { kind: "operation-order", spec } });
  await platform.client.startChange({ params: { changeId: id }, body: {} });
  const change = await settled(platform, { id });
  expect(change).toMatchObject({ state: "succeeded", problem: null });
  expect(verdicts(change).map(({ outcome }) => outcome)).toEqual(["pass", "pass", "pass", "pass"]);
  expect(verdicts(change)[0]?.text).toMatch(/^changed hosts: 0 of \d+ requests failed, unchanged hosts: 0 of \d+/);
  expect(new Set(await versions())).toEqual(new Set([version]));
  expect((await load?.stop())?.failed).toBe(0);
});
