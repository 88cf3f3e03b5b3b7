import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { RELEASE_ORDER } from "@evenkeel/client/deployment";
import type { Change } from "@evenkeel/contracts/change";
import { runCommand } from "@evenkeel/testkit/command";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { Shop, type ShopVersion, settled, until } from "@evenkeel/testkit/shop";
import { afterAll, beforeAll, expect, test } from "vitest";

const NAMES = ["db", "api", "web"] as const;
type Name = (typeof NAMES)[number];
const AFTER: Record<Name, Name[]> = { db: [], api: ["db"], web: ["api"] };

let platform: Platform;
let shops: Record<Name, Shop>;
beforeAll(async () => {
  platform = await startPlatform();
  shops = { db: new Shop(platform, "db"), api: new Shop(platform, "api"), web: new Shop(platform, "web") };
});
afterAll(() => platform.remove());

/** An order over the three, each at this version; `more` differs for one of them. */
async function order(version: string, more: Partial<Record<Name, Partial<ShopVersion>>> = {}): Promise<Change> {
  const releases = [];
  for (const name of NAMES) {
    const { workspace: _, ...release } = await shops[name].specOf({ version, ...more[name] });
    releases.push({ ...release, after: AFTER[name] });
  }
  const { id } = await platform.client.createChange({ body: { kind: RELEASE_ORDER, spec: { releases } } });
  return await platform.client.startChange({ params: { changeId: id }, body: {} });
}

/** The life of a change: which target began and ended, in which order. */
async function sequenceOf({ id }: Pick<Change, "id">): Promise<string[]> {
  const sequence: string[] = [];
  for await (const { type, data } of platform.client.watchChange(id)) {
    if (type === "target" && ["running", "succeeded"].includes(String(data.to)))
      sequence.push(`${data.name} ${data.to}`);
  }
  return sequence;
}

/** The services in the order in which their targets ran; one that began before another had ended stands twice. */
const servicesIn = (sequence: readonly string[]): string[] =>
  sequence.map((each) => each.slice(0, each.indexOf("@"))).filter((name, index, all) => name !== all[index - 1]);

async function revisions(): Promise<Record<string, unknown>> {
  const entries = NAMES.map(async (name) => {
    const { revision } = await shops[name].service();
    const versions = (await shops[name].instances()).map(({ hostName, revisionId }) => `${hostName} ${revisionId}`);
    return [name, { digest: revision?.digest, versions: versions.toSorted() }];
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function underLoad<Result>(run: () => Promise<Result>): Promise<Result> {
  const loads = NAMES.map((name) => shops[name].load(70));
  const result = await run().finally(async () => {
    for (const load of loads) {
      const { failed, failures } = await load.stop();
      expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
    }
  });
  return result;
}

test("the file of an order packs, uploads and releases three applications, one after another", async () => {
  const releases = NAMES.map((name) => ({ folder: shops[name].write({ version: "1.0.0" }), after: AFTER[name] }));
  writeFileSync(join(platform.home, "order.yaml"), JSON.stringify({ releases }));
  const planned = await runCommand(platform, ["plan", "-f", "order.yaml"]);
  expect([planned.code, planned.stderr]).toEqual([0, ""]);
  expect(planned.stdout).toContain("api  after db");
  const { stdout, code } = await runCommand(platform, ["deploy", "-f", "order.yaml", "--json"]);
  expect(code).toBe(0);
  const change = JSON.parse(stdout) as Change;
  expect(change).toMatchObject({ state: "succeeded", title: "release db 1.0.0, api 1.0.0, web 1.0.0" });
  expect(servicesIn(await sequenceOf(change))).toEqual(["db", "api", "web"]);
  for (const name of NAMES) expect((await shops[name].ask()).version).toBe("1.0.0");
});

test("a circle is refused with its way, and an unknown neighbour by its name", async () => {
  const circle = { db: ["web"], api: ["db"], web: ["api"] };
  const releases = NAMES.map((name) => ({ application: name, version: "1.0.0", after: circle[name] }));
  writeFileSync(join(platform.home, "circle.yaml"), JSON.stringify({ releases }));
  const { stderr, code } = await runCommand(platform, ["plan", "-f", "circle.yaml"]);
  expect(code).toBe(1);
  expect(stderr).toContain("db → api → web → db");
  expect(stderr).toContain("ORDER_CYCLE");
  writeFileSync(
    join(platform.home, "ghost.yaml"),
    JSON.stringify({ releases: [{ ...releases[0], after: ["ghost"] }] }),
  );
  expect((await runCommand(platform, ["plan", "-f", "ghost.yaml"])).stderr).toContain("ORDER_AFTER_UNKNOWN");
  writeFileSync(join(platform.home, "bad.yaml"), "releases:\n  - application: db\n    aftre: [api]\n");
  const bad = await runCommand(platform, ["plan", "-f", "bad.yaml"]);
  expect(bad.stderr).toContain("line 3, releases.0.aftre");
});

test("a broken service in the middle brings those before it back in reverse, those behind it never begin, and no request fails", async () => {
  const before = await revisions();
  const broken: Partial<ShopVersion> = {
    health: 500,
    manifest: { health: { path: "/healthz", startSeconds: 2, intervalSeconds: 0.3 } },
    strategy: { budget: { failures: 0, action: "rollback" } },
  };
  const ended = await underLoad(async () => await settled(platform, await order("2.0.0", { api: broken })));
  expect(ended.state).toBe("rolled-back");
  expect(ended.groups.map(({ groupId, state }) => [groupId, state])).toEqual([
    ["db", "succeeded"],
    ["api", "failed"],
    ["web", "pending"],
  ]);
  const rollback = await platform.client.getChange({ params: { changeId: ended.rollbackChangeId ?? ended.id } });
  expect(rollback.state).toBe("succeeded");
  expect(rollback.groups.map(({ groupId, after }) => [groupId, after])).toEqual([
    ["db", ["api"]],
    ["api", []],
  ]);
  expect(servicesIn(await sequenceOf(rollback))).toEqual(["api", "db"]);
  expect(await revisions()).toEqual(before);
});

test("an order that succeeded goes back in reverse to equal revisions, in other batches for follow and fast, without a failed request", async () => {
  const before = await revisions();
  const sequences: Record<string, string[]> = {};
  await underLoad(async () => {
    for (const speed of ["follow", "fast"] as const) {
      const release = await settled(platform, await order("3.0.0"));
      expect(release.state).toBe("succeeded");
      expect(await revisions()).not.toEqual(before);
      const body = { speed, reason: "the test wants it back" };
      const born = await platform.client.rollbackChange({ params: { changeId: release.id }, body });
      await platform.client.startChange({ params: { changeId: born.id }, body: {} });
      expect((await settled(platform, born)).state).toBe("succeeded");
      expect(await revisions()).toEqual(before);
      sequences[speed] = await sequenceOf(born);
    }
  });
  expect(servicesIn(sequences.follow ?? [])).toEqual(["web", "api", "db"]);
  expect(servicesIn(sequences.fast ?? [])).toEqual(["web", "api", "db"]);
  const firstFour = (speed: string) => sequences[speed]?.slice(0, 4).map((each) => each.split(" ")[1]);
  expect(firstFour("follow")).toEqual(["running", "running", "succeeded", "succeeded"]);
  expect(firstFour("fast")).toEqual(["running", "running", "running", "running"]);
});

test("two zones go side by side, each with batches and confirmations of its own", async () => {
  const spec = await shops.web.specOf({ version: "4.0.0", strategy: { batches: "each", confirm: "each" } });
  const body = { kind: RELEASE_ORDER, spec: { ...spec, parallel: "zone" } };
  const { id } = await platform.client.createChange({ body });
  await platform.client.startChange({ params: { changeId: id }, body: {} });
  const waiting = await settled(platform, { id });
  expect(waiting.groups.map(({ groupId, state }) => [groupId, state])).toEqual([
    ["web zone a", "awaiting-confirmation"],
    ["web zone b", "awaiting-confirmation"],
  ]);
  const second = waiting.groups[1]?.batches[1]?.batchId ?? "";
  await platform.client.confirmChange({ params: { changeId: id }, body: { batchIds: [second] } });
  const half = await until(
    platform,
    { id },
    ({ groups, state }) => groups[1]?.state === "succeeded" && state === "awaiting-confirmation",
  );
  expect(half.groups[0]?.state).toBe("awaiting-confirmation");
  const rest = half.groups[0]?.batches[1]?.batchId ?? "";
  await platform.client.confirmChange({ params: { changeId: id }, body: { batchIds: [rest] } });
  expect((await settled(platform, { id })).state).toBe("succeeded");
});
