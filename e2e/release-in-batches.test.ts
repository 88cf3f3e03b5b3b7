import { setTimeout as sleep } from "node:timers/promises";
import type { Change } from "@evenkeel/contracts/change";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { type Answer, Shop, settled, until } from "@evenkeel/testkit/shop";
import { afterAll, beforeAll, expect, test } from "vitest";

const HOSTS = ["local-1", "local-2", "local-3", "local-4"];

let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform();
});
afterAll(() => platform.remove());

const batchesOf = ({ groups }: Change): string[][] =>
  groups.flatMap(({ batches }) => batches.map(({ targets }) => targets.map(({ name }) => name)));

/** The order in which hosts were begun, from the events. */
async function orderOf(change: Change): Promise<string[]> {
  const started: string[] = [];
  for await (const { type, data } of platform.client.watchChange(change.id)) {
    if (type === "target" && data.to === "running") started.push(String(data.name));
  }
  return started;
}

interface Held extends Answer {
  readonly host: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** An answer that stays open in its middle for 3 s. */
async function holdOpen(shop: Shop): Promise<Held> {
  const fromMs = Date.now();
  const answer = await shop.ask(3000);
  const { host } = JSON.parse(answer.text.slice("held ".length)) as { host: string };
  return { ...answer, host, fromMs, toMs: Date.now() };
}

/** When the traffic of this host went over to the new instance. */
function shiftOf({ groups }: Change, host: string): number {
  const targets = groups.flatMap(({ batches }) => batches.flatMap((batch) => batch.targets));
  const step = targets.find(({ name }) => name === host)?.steps.find(({ name }) => name === "shift-traffic");
  return Date.parse(step?.startedAt ?? "");
}

test("two releases in batches under load lose no request, and answers that were begun are ended by the old version", async () => {
  const shop = new Shop(platform);
  expect((await shop.release({ version: "1.0.0" })).state).toBe("succeeded");
  expect((await shop.instances()).map(({ hostName }) => hostName)).toEqual(HOSTS);

  const load = shop.load();
  await sleep(1000);
  load.mark("2.0.0");
  const strategy = { beta: 1, bakeSeconds: 1 };
  // So many that some cross the shift of every host, whichever way they are balanced.
  const held: Promise<Held>[] = [];
  const hold = setInterval(() => {
    const holding = holdOpen(shop);
    // Looked at when the release has ended.
    holding.catch(() => undefined);
    held.push(holding);
  }, 80);
  const second = await shop.start({ version: "2.0.0", strategy });
  const first = await until(platform, second, ({ groups }) => groups[0]?.batches[0]?.state !== "pending");
  expect(batchesOf(first)).toEqual([["local-1"], ["local-2"], ["local-3", "local-4"]]);
  const ended = await settled(platform, second);
  clearInterval(hold);
  expect(ended).toMatchObject({ state: "succeeded", targets: { total: 4, succeeded: 4 } });
  const order = await orderOf(ended);
  expect([order[0], order[1], new Set(order.slice(2))]).toEqual([
    "local-1",
    "local-2",
    new Set(["local-3", "local-4"]),
  ]);

  load.mark("3.0.0");
  const third = await shop.release({ version: "3.0.0", strategy: { batches: { count: 2 } } });
  expect(third.state).toBe("succeeded");
  const report = await load.stop();
  expect({ failed: report.failed, failures: report.failures }).toEqual({ failed: 0, failures: [] });
  expect(report.sent / (report.elapsedMs / 1000)).toBeGreaterThan(190);
  for (const kind of Object.values(report.byKind)) expect(kind.ok).toBeGreaterThan(100);
  expect(Object.keys(report.byVersion).toSorted()).toEqual(["1.0.0", "2.0.0", "3.0.0"]);

  const answers = await Promise.all(held);
  for (const { status, text } of answers) expect([status, text]).toEqual([200, expect.stringMatching(/^held \{.*\}$/)]);
  const shifts = (await shop.instances()).map(({ hostName, address }) => ({ address, at: shiftOf(ended, hostName) }));
  for (const { address, at } of shifts) {
    const across = answers.filter((answer) => answer.host === address && answer.fromMs < at && answer.toMs > at);
    expect(across.map(({ version }) => version)).toContain("1.0.0");
  }

  const started = shop.effects().filter(({ what }) => what === "start");
  expect(started.map(({ version, host }) => `${version} ${host}`).toSorted()).toEqual(
    [...new Set(started.map(({ version, host }) => `${version} ${host}`))].toSorted(),
  );
  expect(started).toHaveLength(12);
});

test("an application that listens on the wildcard runs on four hosts of one machine, each answering for itself", async () => {
  const shop = new Shop(platform, "everywhere");
  for (const version of ["1.0.0", "2.0.0"]) {
    expect((await shop.release({ version, listen: "wildcard" })).state).toBe("succeeded");
    const instances = await shop.instances();
    expect(instances.map(({ hostName }) => hostName)).toEqual(HOSTS);
    expect(new Set(instances.map(({ port }) => port)).size).toBe(4);
    const answered = new Set<number>();
    for (let asked = 0; asked < 40; asked += 1) {
      const { text } = await shop.ask();
      answered.add((JSON.parse(text) as { pid: number }).pid);
    }
    expect([...answered].toSorted()).toEqual(instances.map(({ pid }) => pid).toSorted());
  }
});

test("an application without routes is replaced on each host in turn, the old one gone at the end", async () => {
  const shop = new Shop(platform, "worker");
  const manifest = { routes: [] };
  expect((await shop.release({ version: "1.0.0", manifest })).state).toBe("succeeded");
  const strategy = { batches: "each" };
  expect((await shop.release({ version: "2.0.0", manifest, strategy })).state).toBe("succeeded");
  const effects = shop.effects();
  for (const { host } of effects) {
    const ofHost = effects.filter((effect) => effect.host === host);
    expect(ofHost.map(({ what, version }) => `${what} ${version}`)).toEqual([
      "start 1.0.0",
      "start 2.0.0",
      "stop 1.0.0",
    ]);
  }
  expect(new Set(effects.map(({ host }) => host)).size).toBe(4);
});
