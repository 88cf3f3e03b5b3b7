import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { type Change, VERB_BODIES } from "@evenkeel/contracts/change";
import { ChangeAction } from "@evenkeel/contracts/change-state";
import { ProblemDocument } from "@evenkeel/contracts/error";
import { RouteTable } from "@evenkeel/contracts/route-table";
import { readIdentity } from "@evenkeel/kit/process-identity";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { Shop, settled, until } from "@evenkeel/testkit/shop";
import { afterAll, beforeAll, expect, test } from "vitest";

let platform: Platform;
let shop: Shop;
beforeAll(async () => {
  platform = await startPlatform();
  shop = new Shop(platform);
});
afterAll(() => platform.remove());

const ONE = {
  version: "1.0.0",
  manifest: { env: { WORD: "one" }, routes: [{ host: "shop.localhost", path: "/" }] },
};
const TWO = {
  version: "2.0.0",
  manifest: {
    env: { WORD: "two" },
    routes: [
      { host: "shop.localhost", path: "/" },
      { host: "new.localhost", path: "/" },
    ],
  },
  strategy: { beta: 1 },
};

/** What runs: the revision as a whole, what each host runs of it, and the routes that lead there. */
async function whatRuns() {
  const { revision } = await shop.service();
  const { items } = await platform.client.listRoutes({ query: { workspace: "local" } });
  const words = new Set<string>();
  for (let asked = 0; asked < 12; asked += 1) words.add((JSON.parse((await shop.ask()).text) as { word: string }).word);
  return {
    revision,
    instances: (await shop.instances()).map(({ hostName, revisionId }) => [hostName, revisionId]),
    routes: items.map(({ host, path }) => host + path).toSorted(),
    words: [...words],
  };
}

/** The life of a change as people see it: which hosts began and ended, in which order. */
async function sequenceOf({ id }: Change): Promise<string[]> {
  const sequence: string[] = [];
  for await (const { type, data } of platform.client.watchChange(id)) {
    if (type === "target" && ["running", "succeeded"].includes(String(data.to))) {
      sequence.push(`${data.name} ${data.to}`);
    }
  }
  return sequence;
}

async function rollBack(change: Change, speed: "follow" | "fast"): Promise<Change> {
  const { client } = platform;
  const asked = {
    params: { changeId: change.id },
    body: { speed, reason: "the test wants it back" },
    headers: { "idempotency-key": `back-${change.id}` },
  };
  const born = await client.rollbackChange(asked);
  // The answer was lost on its way: the repetition gets it again and makes no second rollback.
  expect(await client.rollbackChange(asked)).toEqual(born);
  expect(born).toMatchObject({ state: "planned", rollbackOf: change.id, reason: "the test wants it back" });
  await client.startChange({ params: { changeId: born.id }, body: {} });
  return await settled(platform, born);
}

test("follow takes the batches back one after another, fast all at once, and both restore bits, environment and routes", async () => {
  expect((await shop.release(ONE)).state).toBe("succeeded");
  const before = await whatRuns();
  expect(before.words).toEqual(["one"]);
  const load = shop.load();
  const sequences: Record<string, string[]> = {};
  for (const speed of ["follow", "fast"] as const) {
    const release = await shop.release(TWO);
    expect([release.state, release.problem]).toEqual(["succeeded", null]);
    const between = await whatRuns();
    expect(between.words).toEqual(["two"]);
    expect(between.revision?.digest).not.toBe(before.revision?.digest);
    const back = await rollBack(release, speed);
    expect(back.state).toBe("succeeded");
    expect(await whatRuns()).toEqual(before);
    const { rolledBackBy, state } = await platform.client.getChange({ params: { changeId: release.id } });
    expect([state, rolledBackBy]).toEqual(["succeeded", back.id]);
    sequences[speed] = await sequenceOf(back);
  }
  const { failed, failures } = await load.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
  expect(sequences.follow?.slice(0, 4)).toEqual([
    "local-1 running",
    "local-1 succeeded",
    "local-2 running",
    "local-2 succeeded",
  ]);
  expect(sequences.follow?.slice(4, 6).toSorted()).toEqual(["local-3 running", "local-4 running"]);
  const hosts = ["local-1", "local-2", "local-3", "local-4"];
  expect(sequences.fast?.slice(0, 4).toSorted()).toEqual(hosts.map((name) => `${name} running`));
});

test("a release that is rolled back in its middle leaves every host, those in hand too, with what ran before", async () => {
  const before = await whatRuns();
  const load = shop.load();
  const release = await shop.start({ ...TWO, strategy: { batches: "each" } });
  await until(platform, release, ({ targets }) => targets.succeeded >= 1 && targets.running >= 1);
  const body = { speed: "fast" as const, reason: "enough seen" };
  const asked = await platform.client.rollbackChange({ params: { changeId: release.id }, body });
  expect(asked).toMatchObject({ id: release.id, state: "rolling-back" });
  const ended = await settled(platform, release);
  expect(ended.state).toBe("rolled-back");
  const rollback = await platform.client.getChange({ params: { changeId: ended.rollbackChangeId ?? ended.id } });
  expect([rollback.state, rollback.rollbackOf]).toEqual(["succeeded", release.id]);
  expect(rollback.targets.total).toBeLessThan(4);
  expect(await whatRuns()).toEqual(before);
  const { failed, failures } = await load.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
});

/** What a verb is given so that only the state can be in its way. */
const FIELDS: Partial<Record<ChangeAction, (change: Change) => unknown>> = {
  reject: () => ({ reason: "no" }),
  confirm: ({ groups }) => ({ batchIds: [groups[0]?.batches[0]?.batchId] }),
  skip: () => ({ targetIds: ["local-1"], traffic: "re-attach" }),
  "declare-lost": () => ({ stepIds: ["stp_00000000000000000000"], reason: "gone" }),
  rollback: () => ({ speed: "fast", reason: "back" }),
  close: () => ({ reason: "over" }),
};

async function refusedActions(change: Change): Promise<string[]> {
  const refused: string[] = [];
  for (const action of ChangeAction.options.filter((each) => !change.allowedActions.includes(each))) {
    const body = VERB_BODIES[action].parse(FIELDS[action]?.(change) ?? {});
    const response = await fetch(`${platform.controlPlanes[0]}/api/v1/changes/${change.id}/${action}`, {
      method: "POST",
      headers: { authorization: `Bearer ${platform.token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const { code, detail } = ProblemDocument.parse(await response.json());
    expect({ action, status: response.status, code }).toEqual({ action, status: 409, code: "ACTION_NOT_ALLOWED" });
    expect(detail).toContain(change.allowedActions[0] ?? "nothing");
    refused.push(action);
  }
  const after = await platform.client.getChange({ params: { changeId: change.id } });
  expect([after.state, after.sequence]).toEqual([change.state, change.sequence]);
  return refused;
}

test("an action that is not among the allowed ones answers 409 with what is possible, and changes nothing", async () => {
  const { client } = platform;
  const planned = await shop.plan({ version: "2.1.0", strategy: { confirm: "each", batches: { count: 2 } } });
  expect(await refusedActions(planned)).toEqual(expect.arrayContaining(["pause", "resume", "retry", "rollback"]));
  await client.startChange({ params: { changeId: planned.id }, body: {} });
  const waiting = await settled(platform, planned);
  expect(waiting.state).toBe("awaiting-confirmation");
  expect(await refusedActions(waiting)).toEqual(expect.arrayContaining(["start", "resume", "retry"]));
  await client.cancelChange({ params: { changeId: planned.id }, body: {} });
  const over = await until(platform, planned, ({ state }) => state === "cancelled");
  expect(await refusedActions(over)).toEqual(expect.arrayContaining(["start", "confirm", "cancel", "close"]));
});

/** Of each host but the first: its process, what that process stands on, and what the gateway sends there. */
async function untouched() {
  const table = RouteTable.parse(JSON.parse(readFileSync(join(platform.home, "gateway/table.json"), "utf8")));
  const instances = (await shop.instances()).filter(({ hostName }) => hostName !== "local-1");
  const upstreams = table.services.flatMap((service) => service.upstreams);
  return {
    routes: table.routes,
    hosts: instances.map(({ pid, port, hostId, revisionId, state, traffic }) => ({
      ...{ hostId, revisionId, state, traffic },
      process: readIdentity(pid ?? 0),
      folder: readlinkSync(`/proc/${pid}/cwd`),
      upstream: upstreams.filter((upstream) => upstream.port === port && upstream.instance.includes(hostId)),
    })),
  };
}

test("a broken version is rolled back by itself, and no other host's process, link or route is touched", async () => {
  expect((await shop.release({ version: "3.0.0" })).state).toBe("succeeded");
  const before = await untouched();
  expect(before.hosts.map(({ upstream }) => upstream.length)).toEqual([1, 1, 1]);
  const broken = await shop.release({
    version: "4.0.0",
    health: 500,
    manifest: { health: { path: "/healthz", startSeconds: 2, intervalSeconds: 0.3 } },
    strategy: { beta: 1, budget: { failures: 0, action: "rollback" } },
  });
  expect(broken).toMatchObject({ state: "rolled-back", targets: { failed: 1, succeeded: 0 } });
  const [beta] = broken.groups[0]?.batches[0]?.targets ?? [];
  expect(beta).toMatchObject({ name: "local-1", problem: { code: "HEALTH_TIMEOUT" } });
  expect(beta?.problem?.title).toContain("500");
  const rollback = await platform.client.getChange({ params: { changeId: broken.rollbackChangeId ?? broken.id } });
  expect(rollback).toMatchObject({ rollbackOf: broken.id, state: "succeeded", targets: { total: 1, succeeded: 1 } });
  expect(await untouched()).toEqual(before);
  expect((await shop.instances()).map(({ packageVersion }) => packageVersion)).toEqual(Array(4).fill("3.0.0"));
});
