import { OPERATION_ORDER } from "@evenkeel/contracts/operation-order";
import { SCALE_ORDER } from "@evenkeel/contracts/scale-order";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { Shop, settled } from "@evenkeel/testkit/shop";
import { afterAll, beforeAll, expect, test } from "vitest";

let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform();
});
afterAll(() => platform.remove());

/** Plans, starts and waits, as the command does. */
async function carryOut(kind: string, spec: object) {
  const { client } = platform;
  const { id } = await client.createChange({ body: { kind, spec } });
  return await settled(platform, await client.startChange({ params: { changeId: id }, body: {} }));
}

test("restart, offline with its rollback, and scaling under load lose no request", async () => {
  const shop = new Shop(platform);
  expect((await shop.release({ version: "1.0.0" })).state).toBe("succeeded");
  const before = await shop.instances();
  const load = shop.load();
  const service = shop.name;
  const strategy = { batches: "each", minimumHealthySeconds: 0.3 };

  const restarted = await carryOut(OPERATION_ORDER, { service, operation: "restart", strategy });
  expect(restarted).toMatchObject({ state: "succeeded", targets: { succeeded: 4 } });
  expect(restarted.allowedActions).not.toContain("rollback");
  const after = await shop.instances();
  expect(after.map(({ hostName, packageVersion }) => `${hostName} ${packageVersion}`)).toEqual(
    before.map(({ hostName }) => `${hostName} 1.0.0`),
  );
  expect(after.filter(({ pid }) => before.some((old) => old.pid === pid))).toEqual([]);

  const gone = await carryOut(OPERATION_ORDER, { service, operation: "offline", hosts: ["local-2"], strategy });
  expect(gone.state).toBe("succeeded");
  expect((await shop.instances()).map(({ hostName }) => hostName)).toEqual(["local-1", "local-3", "local-4"]);
  const back = await platform.client.rollbackChange({
    params: { changeId: gone.id },
    body: { speed: "fast", reason: "the host is needed again" },
  });
  await platform.client.startChange({ params: { changeId: back.id }, body: {} });
  expect(await settled(platform, back)).toMatchObject({ state: "succeeded", title: "shop: online" });
  expect((await shop.instances()).map(({ hostName, traffic }) => `${hostName} ${traffic}`)).toEqual(
    before.map(({ hostName }) => `${hostName} attached`),
  );

  const away = await carryOut(SCALE_ORDER, { service, remove: ["local-3"], strategy });
  expect(away.state).toBe("succeeded");
  expect((await shop.instances()).map(({ hostName }) => hostName)).toEqual(["local-1", "local-2", "local-4"]);
  expect((await carryOut(SCALE_ORDER, { service, add: ["local-3"], strategy })).state).toBe("succeeded");
  expect((await shop.instances()).map(({ hostName, traffic }) => `${hostName} ${traffic}`)).toEqual(
    before.map(({ hostName }) => `${hostName} attached`),
  );

  const report = await load.stop();
  expect({ failed: report.failed, failures: report.failures }).toEqual({ failed: 0, failures: [] });
});
