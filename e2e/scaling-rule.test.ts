import type { Base } from "@evenkeel/contracts/base-cluster";
import type { Change } from "@evenkeel/contracts/change";
import { MODULE_OPERATION } from "@evenkeel/contracts/module-operation";
import { MODULE_RELEASE } from "@evenkeel/contracts/module-release";
import { startLoad } from "@evenkeel/load/load";
import { answering, BASE_SERVER } from "@evenkeel/testkit/base-application";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { Shop, settled } from "@evenkeel/testkit/shop";
import { afterAll, beforeAll, expect, test } from "vitest";

// One base serves, one is warm; the rule alone moves the second one in and out.

let platform: Platform;
let shop: Shop;
const PATIENCE = { timeout: 240_000, interval: 1000 };

beforeAll(async () => {
  platform = await startPlatform();
  shop = new Shop(platform);
  await shop.release({ version: "1.0.0", files: { "server.mjs": BASE_SERVER } });
});
afterAll(() => platform.remove());

const bases = async (cluster: string): Promise<Base[]> =>
  (await platform.client.listBases({ query: { cluster: cluster as never } })).items;
const names = async (cluster: string): Promise<string[]> => (await bases(cluster)).map(({ name }) => name).sort();

async function carryOut(kind: string, spec: object): Promise<Change> {
  const { id } = await platform.client.createChange({ body: { kind, spec } });
  await platform.client.startChange({ params: { changeId: id }, body: {} });
  return await settled(platform, { id });
}

test("under load a rule brings a warm base in, and gives it back when the load has gone, in the same process and with nobody asked", async () => {
  const { client } = platform;
  const all = async () => (await client.listBases({ query: {} })).items;
  await expect.poll(async () => (await all()).length, PATIENCE).toBe(4);
  await client.createBaseCluster({ body: { workspace: "local", name: "front" } });
  await client.createBaseCluster({ body: { workspace: "local", name: "warm", buffer: true } });
  for (const [base, to] of [
    ["shop@local-1", "front"],
    ["shop@local-3", "warm"],
  ])
    expect(await carryOut(MODULE_OPERATION, { operation: "move", bases: [base], to })).toMatchObject({
      state: "succeeded",
    });
  const { object, bytes } = answering("prices", "1.0.0");
  await client.uploadModule({ query: { digest: object.digest }, body: new Uint8Array(bytes) });
  const modules = [{ name: "prices", version: "1.0.0" }];
  const released = await carryOut(MODULE_RELEASE, { cluster: "front", modules, publish: {} });
  expect(released.state).toBe("succeeded");
  const [warm] = await bases("warm");

  const rule = { cluster: "front", module: "prices", metric: "requests-per-second" as const, above: 20, below: 2 };
  const body = { ...rule, minBases: 1, maxBases: 2, stabilisationSeconds: 30, cooldownSeconds: 0 };
  await client.setScalingRule({ params: { rule: "prices-load" as never }, body: body as never });
  const [instance] = await shop.instances();
  const url = `http://${instance?.address}:${instance?.port}/prices`;
  const load = startLoad({ url, hostHeader: shop.hostHeader, rate: 80 });
  await expect.poll(() => names("front"), PATIENCE).toEqual(["shop@local-1", "shop@local-3"]);
  const [reading] = (await client.listModuleReadings({ query: { base: "shop@local-1" } })).items;
  expect(reading).toMatchObject({ module: "prices", version: "1.0.0", errorPercent: 0 });
  expect(reading?.requestsPerSecond).toBeGreaterThan(20);
  const report = await load.stop();
  expect(report.failed).toBe(0);

  await expect.poll(() => names("warm"), PATIENCE).toEqual(["shop@local-3"]);
  expect((await bases("warm")).map(({ pid, modules: held }) => ({ pid, held }))).toEqual([
    { pid: warm?.pid, held: [] },
  ]);
  const { items } = await client.listChanges({ query: {} });
  const own = items.filter(({ createdBy }) => createdBy === "scaling-rule/prices-load");
  await expect
    .poll(async () => (await client.getChange({ params: { changeId: own[0]!.id } })).state, PATIENCE)
    .toBe("succeeded");
  expect(
    own
      .map(({ kind, title }) => ({ kind, title }))
      .toReversed()
      .sort((one, other) => other.title.localeCompare(one.title)),
  ).toEqual([
    { kind: MODULE_OPERATION, title: "prices: 2 bases of front" },
    { kind: MODULE_OPERATION, title: "prices: 1 bases of front" },
  ]);
}, 900_000);
