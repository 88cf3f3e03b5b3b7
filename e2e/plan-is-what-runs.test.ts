import type { Change } from "@evenkeel/contracts/change";
import { joinHost } from "@evenkeel/testkit/extra-host";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { Shop, settled } from "@evenkeel/testkit/shop";
import { afterAll, beforeAll, expect, test } from "vitest";

let platform: Platform;
let shop: Shop;
beforeAll(async () => {
  platform = await startPlatform();
  shop = new Shop(platform);
  expect((await shop.release({ version: "1.0.0" })).state).toBe("succeeded");
});
afterAll(() => platform.remove());

const targetsOf = ({ groups }: Change): string[][] =>
  groups.flatMap(({ batches }) => batches.map(({ targets }) => targets.map(({ name }) => name)));

const start = ({ id }: Change): Promise<Change> => platform.client.startChange({ params: { changeId: id }, body: {} });
const replan = ({ id }: Change): Promise<Change> =>
  platform.client.replanChange({ params: { changeId: id }, body: {} });

/** A start that names what moved since the plan was made, and leaves everything as it was. */
async function expectMoved(change: Change, moved: string): Promise<void> {
  const before = { effects: shop.effects(), instances: await shop.instances() };
  await expect(start(change)).rejects.toMatchObject({
    code: "PLAN_BASIS_MOVED",
    message: expect.stringContaining(moved),
  });
  const after = await platform.client.getChange({ params: { changeId: change.id } });
  expect([after.state, after.startedAt, after.locks]).toEqual(["planned", null, []]);
  expect({ effects: shop.effects(), instances: await shop.instances() }).toEqual(before);
}

test("a plan whose hosts, parameters or service moved since is refused with the name of what moved, until it is planned anew", async () => {
  const { client } = platform;
  const planned = await shop.plan({ version: "2.0.0" });
  expect(targetsOf(planned)).toEqual([
    ["local-1", "local-2"],
    ["local-3", "local-4"],
  ]);

  const [host] = (await client.listHosts({ query: { workspace: "local", name: "local-3" } })).items;
  if (host === undefined) throw new Error("there is no host local-3");
  await client.editHost({ params: { hostId: host.id }, body: { zone: "a" } });
  await expectMoved(planned, "host local-3");
  const second = await replan(planned);
  expect(second.planDigest).not.toBe(planned.planDigest);
  expect(targetsOf(second)).toEqual([["local-1", "local-2", "local-3"], ["local-4"]]);

  const { id, parameters } = await shop.service();
  await client.setParameters({ params: { serviceId: id }, body: { env: { ...parameters.env, WORD: "moved" } } });
  await expectMoved(second, "parameters of shop");
  const third = await replan(second);

  expect((await shop.release({ version: "1.1.0" })).state).toBe("succeeded");
  await expectMoved(third, "service shop");
  const fourth = await replan(third);
  await start(fourth);
  expect((await settled(platform, fourth)).state).toBe("succeeded");
  expect((await shop.instances()).map(({ packageVersion }) => packageVersion)).toEqual(Array(4).fill("2.0.0"));
});

test("a host that joined since is named where the plan meant all hosts; a plan that named its hosts and its version does as planned", async () => {
  const all = await shop.plan({ version: "3.0.0" });
  const named = await shop.plan({ version: "3.0.0", manifest: { hosts: ["local-1", "local-4"] } });
  await shop.upload({ version: "4.0.0" });
  await joinHost(platform, { name: "late", address: "127.0.99.11" });
  await expectMoved(all, "host late (new)");

  const before = await shop.instances();
  const { planDigest } = await start(named);
  expect(planDigest).toBe(named.planDigest);
  const ended = await settled(platform, named);
  expect([ended.state, targetsOf(ended)]).toEqual(["succeeded", targetsOf(named)]);
  expect(before.map(({ hostName }) => hostName)).toEqual(["local-1", "local-2", "local-3", "local-4"]);
  expect((await shop.instances()).map(({ hostName, packageVersion }) => `${hostName} ${packageVersion}`)).toEqual([
    "local-1 3.0.0",
    "local-4 3.0.0",
  ]);

  await expectMoved(all, "what runs on local-1");
  const again = await replan(all);
  expect(targetsOf(again).flat().toSorted()).toEqual(["late", "local-1", "local-2", "local-3", "local-4"]);
});
