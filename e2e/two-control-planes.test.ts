import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@evenkeel/client/client";
import type { Command } from "@evenkeel/contracts/agent-protocol";
import type { Change } from "@evenkeel/contracts/change";
import { CommandId, newId } from "@evenkeel/contracts/id";
import { killIdentity, type ProcessIdentity } from "@evenkeel/kit/process-identity";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { journaledOutcome, queryDatabase } from "@evenkeel/testkit/platform-state";
import { Shop, settled, until } from "@evenkeel/testkit/shop";
import { afterAll, beforeAll, expect, test } from "vitest";

let platform: Platform;
let shop: Shop;
beforeAll(async () => {
  platform = await startPlatform({ args: ["--empty", "--replicas", "2"] });
  shop = new Shop(platform);
  expect((await shop.release({ version: "1.0.0" })).state).toBe("succeeded");
});
afterAll(() => platform.remove());

interface Work {
  readonly token: number;
  readonly url: string;
}

/** The control plane that works on the change, and the token that its commands carry. */
async function workOn({ id }: Change): Promise<Work | null> {
  const sql = `select lease_token::int as token, url from change join replica on replica.id = lease_owner where change.id = $1`;
  return (await queryDatabase<Work>(platform, sql, [id]))[0] ?? null;
}

/** Freezes the control plane that works on the change until another has taken it over, and lets it go on. */
async function freezeWorker(change: Change): Promise<{ before: Work; after: Work; survivor: string }> {
  const before = await workOn(change);
  if (before === null) throw new Error("nobody works on the change");
  const index = platform.controlPlanes.indexOf(before.url);
  const frozen = (await platform.parts())[`control-plane-${index + 1}`] as ProcessIdentity;
  expect(killIdentity(frozen, "SIGSTOP")).toBe(true);
  try {
    const worker = async () => (await workOn(change)) ?? before;
    await expect.poll(async () => (await worker()).url, { timeout: 60_000 }).not.toBe(before.url);
    const after = await worker();
    return { before, after, survivor: after.url };
  } finally {
    killIdentity(frozen, "SIGCONT");
  }
}

const targetsDone = ({ targets }: Change): number => targets.succeeded;

/** The worker that was frozen gives one more order to the first host: stop what it has just started. */
async function orderOf(change: Change, host: string, token: number): Promise<CommandId> {
  const { id: hostId } = (await platform.client.listHosts({ query: { workspace: "local", name: host } })).items[0] as {
    id: string;
  };
  const sql = `select body from command where change_id = $1 and host_id = $2 and body->>'type' = 'stop-instance'
    order by sequence desc limit 1`;
  const [{ body }] = (await queryDatabase<{ body: Command }>(platform, sql, [change.id, hostId])) as [
    { body: Command },
  ];
  const { letter } = (await shop.instances()).find(({ hostName }) => hostName === host) ?? { letter: "a" };
  const commandId = newId(CommandId, "cmd");
  const order = { ...body, commandId, fence: { ...body.fence, token }, input: { ...(body.input as object), letter } };
  const insert = `insert into command (id, tenant_id, host_id, change_id, body)
    select $1, tenant_id, $2, id, $3 from change where id = $4`;
  await queryDatabase(platform, insert, [commandId, hostId, JSON.stringify(order), change.id]);
  await queryDatabase(platform, `select pg_notify('agent_outbox', $1)`, [hostId]);
  return commandId;
}

test("a control plane that was frozen beyond its lease changes nothing any more: agents refuse it, the release ends, no request fails", async () => {
  const load = shop.load();
  const release = await shop.start({ version: "2.0.0", strategy: { batches: "each" } });
  await until(platform, release, (change) => targetsDone(change) >= 1);
  const { before, after, survivor } = await freezeWorker(release);
  expect(after.token).toBeGreaterThan(before.token);
  const client = createClient({ url: survivor, token: platform.token });

  await until({ client }, release, (change) => targetsDone(change) >= 2);
  await client.pauseChange({ params: { changeId: release.id }, body: {} });
  await until({ client }, release, ({ state }) => state === "paused");
  const paused = await client.getChange({ params: { changeId: release.id } });
  const last = paused.groups.flatMap(({ batches }) => batches.flatMap(({ targets }) => targets));
  const host = last.findLast(({ state }) => state === "succeeded")?.name ?? "";
  const commandId = await orderOf(release, host, before.token);
  const outcome = () => journaledOutcome(platform, host, commandId);
  await expect.poll(outcome, { timeout: 30_000 }).toMatchObject({ kind: "refused", problem: { code: "FENCE_STALE" } });

  await client.resumeChange({ params: { changeId: release.id }, body: {} });
  const ended = await settled({ client }, release);
  expect([ended.state, ended.problem, ended.targets.succeeded]).toEqual(["succeeded", null, 4]);
  await sleep(1000);
  const { failed, failures } = await load.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
});

test("frozen at any instant of a release: another goes on, each effect happens once, and both serve again", async () => {
  const load = shop.load();
  for (const [round, afterMs] of [400, 2500].entries()) {
    const version = `${round + 3}.0.0`;
    const release = await shop.start({ version, strategy: { batches: "each" } });
    await sleep(afterMs);
    const { survivor } = await freezeWorker(release);
    const client = createClient({ url: survivor, token: platform.token });
    const ended = await settled({ client }, release);
    expect([ended.state, ended.problem]).toEqual(["succeeded", null]);
    const starts = shop.effects().filter((effect) => effect.what === "start" && effect.version === version);
    expect([starts.length, new Set(starts.map(({ host }) => host)).size]).toEqual([4, 4]);
  }
  const stops = shop.effects().filter(({ what }) => what === "stop");
  expect(new Set(stops.map(({ pid }) => pid)).size).toBe(stops.length);
  const { failed, failures } = await load.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
  for (const url of platform.controlPlanes) {
    await expect
      .poll(
        () =>
          createClient({ url })
            .getHealth()
            .then(({ status }) => status, String),
        { timeout: 30_000 },
      )
      .toBe("ok");
  }
});
