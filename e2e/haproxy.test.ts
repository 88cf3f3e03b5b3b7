import { readFileSync } from "node:fs";
import { join } from "node:path";
import { killIdentity, type ProcessIdentity, readIdentity } from "@evenkeel/kit/process-identity";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { Shop, settled, until } from "@evenkeel/testkit/shop";
import { afterAll, beforeAll, expect, test } from "vitest";

let platform: Platform;
let shop: Shop;
beforeAll(async () => {
  platform = await startPlatform({ environment: { EVENKEEL_GATEWAY_DRIVER: "haproxy" } });
  shop = new Shop(platform);
  expect((await shop.release({ version: "1.0.0" })).state).toBe("succeeded");
});
afterAll(() => platform.remove());

const NOTHING_LOST = { failed: 0, failures: [] };

const masterIdentity = (): ProcessIdentity | null =>
  readIdentity(JSON.parse(readFileSync(join(platform.home, "gateway/haproxy/process.json"), "utf8")).identity.pid);
const reloads = (): number =>
  readFileSync(join(platform.home, "log/gateway.log"), "utf8").match(/haproxy reloaded/g)?.length ?? 0;

test("the platform says that its gateway drives HAProxy", async () => {
  expect(platform.output()).toContain("the gateway's driver is haproxy");
  const { items } = await platform.client.listGateways({ query: { workspace: "local" } });
  expect(items.map(({ driver }) => driver)).toEqual(["haproxy"]);
});

test("releases, rollbacks and restarts under constant load lose nothing, without a reload", async () => {
  const before = reloads();
  const load = shop.load();
  const release = await shop.release({ version: "2.0.0", strategy: { beta: 1 } });
  expect(release.state).toBe("succeeded");
  const { client } = platform;
  const body = { speed: "follow" as const, reason: "the test wants it back" };
  const back = await client.rollbackChange({ params: { changeId: release.id }, body });
  await client.startChange({ params: { changeId: back.id }, body: {} });
  expect((await settled(platform, back)).state).toBe("succeeded");
  const third = await shop.start({ version: "3.0.0", strategy: { batches: "each" } });
  await until(platform, third, ({ targets }) => targets.succeeded >= 1 && targets.running >= 1);
  await client.rollbackChange({ params: { changeId: third.id }, body: { ...body, speed: "fast" } });
  expect((await settled(platform, third)).state).toBe("rolled-back");
  const { failed, failures, requests } = await load.stop();
  expect({ failed, failures }).toEqual(NOTHING_LOST);
  expect(requests).toBeGreaterThan(100);
  expect(reloads()).toBe(before);
});

test("a gateway that is killed again and again in a release costs no request: HAProxy serves on and is adopted", async () => {
  const master = masterIdentity();
  const load = shop.load();
  const release = await shop.start({ version: "4.0.0", strategy: { batches: "each" } });
  for (let kills = 0; kills < 3; kills += 1) {
    const { gateway } = await platform.parts();
    if (gateway === undefined) throw new Error("no gateway runs");
    killIdentity(gateway, "SIGKILL");
    await expect
      .poll(async () => (await platform.parts()).gateway?.pid ?? gateway.pid, { timeout: 60_000 })
      .not.toBe(gateway.pid);
  }
  expect((await settled(platform, release)).state).toBe("succeeded");
  const { failed, failures } = await load.stop();
  expect({ failed, failures }).toEqual(NOTHING_LOST);
  expect(masterIdentity()).toEqual(master);
});

test("HAProxy that is killed comes back from the table, and loses only what it had in hand", async () => {
  const master = masterIdentity();
  if (master === null) throw new Error("no HAProxy runs");
  const release = await shop.start({ version: "5.0.0", strategy: { batches: "each" } });
  await until(platform, release, ({ targets }) => targets.succeeded >= 1);
  killIdentity(master, "SIGKILL");
  // Connections wait in the listening socket meanwhile: none is refused, none is answered by what is no longer there.
  const answers = await Promise.all(Array.from({ length: 40 }, () => shop.ask()));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect((await settled(platform, release)).state).toBe("succeeded");
  expect(masterIdentity()?.pid).not.toBe(master.pid);
});

test("Ctrl-C ends HAProxy too", async () => {
  const master = masterIdentity();
  expect(await platform.interrupt()).toBe(0);
  expect(master === null ? null : readIdentity(master.pid)).toBeNull();
});
