import { execFile } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { MODULE_OPERATION } from "@evenkeel/contracts/module-operation";
import { MODULE_RELEASE } from "@evenkeel/contracts/module-release";
import { startLoad } from "@evenkeel/load/load";
import { answering, BASE_SERVER, failing, waitingFor } from "@evenkeel/testkit/base-application";
import { BaseFleet } from "@evenkeel/testkit/base-fleet";
import { buildJava, JAVA_START, NO_JAVA } from "@evenkeel/testkit/java-base";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { Shop, settled, until } from "@evenkeel/testkit/shop";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

// One platform, one base application on four hosts: each test goes on where the one before ended.

let platform: Platform;
let shop: Shop;
let fleet: BaseFleet;

beforeAll(async () => {
  platform = await startPlatform();
  shop = new Shop(platform);
  fleet = new BaseFleet(platform, shop);
  const released = await shop.release({ version: "1.0.0", files: { "server.mjs": BASE_SERVER } });
  expect(released.state).toBe("succeeded");
});
afterAll(() => platform.remove());

async function loads(path: string) {
  const here = new Set((await fleet.bases("front")).map(({ hostId }) => hostId));
  const instances = (await shop.instances()).filter(({ hostId }) => here.has(hostId));
  return instances.map(({ address, port }) =>
    startLoad({ url: `http://${address}:${port}${path}`, hostHeader: shop.hostHeader, rate: 100 }),
  );
}

test("bases are put into clusters, and a module comes onto those of its cluster alone, published only as asked", async () => {
  await fleet.told(4);
  for (const [name, buffer] of [
    ["front", false],
    ["back", false],
    ["warm", true],
  ] as const)
    await fleet.cluster(name, buffer);
  expect((await fleet.move(["shop@local-1", "shop@local-2"], "front")).state).toBe("succeeded");
  expect((await fleet.move(["shop@local-3"], "warm")).state).toBe("succeeded");
  expect((await fleet.release(answering("prices", "1.0.0"))).state).toBe("succeeded");
  expect(await fleet.answers("/prices")).toEqual(["the base", "the base"]);
  const published = await fleet.carryOut(MODULE_OPERATION, {
    operation: "publish",
    cluster: "front",
    module: "prices",
  });
  expect(published.state).toBe("succeeded");
  expect(await fleet.answers("/prices")).toEqual(["prices 1.0.0", "prices 1.0.0"]);
  expect((await fleet.bases()).map(({ cluster, modules }) => `${cluster} ${modules.length}`)).toEqual([
    ...["front 1", "front 1", "warm 0", "null 0"],
  ]);
});

test("a version is replaced under load and brought back, in the same processes, and no request is lost", async () => {
  const before = (await fleet.bases("front")).map(({ pid }) => pid);
  const running = await loads("/prices");
  const released = await fleet.release(answering("prices", "2.0.0"));
  expect(released).toMatchObject({ state: "succeeded", targets: { succeeded: 2 } });
  expect(await fleet.answers("/prices")).toEqual(["prices 2.0.0", "prices 2.0.0"]);
  expect((await fleet.rollBack(released)).state).toBe("succeeded");
  expect(await fleet.answers("/prices")).toEqual(["prices 1.0.0", "prices 1.0.0"]);
  const reports = await Promise.all(running.map((load) => load.stop()));
  expect(reports.map(({ failed, failures }) => ({ failed, failures }))).toEqual(
    reports.map(() => ({ failed: 0, failures: [] })),
  );
  expect((await fleet.bases("front")).map(({ pid, drift }) => ({ pid, drift }))).toEqual(
    before.map((pid) => ({ pid, drift: [] })),
  );
});

test("a version that cannot be activated stops at its first base with its reason, and a rollback takes its remains away", async () => {
  const failed = await fleet.release(failing("prices", "3.0.0"));
  expect(failed).toMatchObject({ state: "failed", targets: { failed: 1, succeeded: 0 } });
  expect(JSON.stringify(await platform.client.getChange({ params: { changeId: failed.id } }))).toContain(
    "no database for prices",
  );
  expect(await fleet.answers("/prices")).toEqual(["prices 1.0.0", "prices 1.0.0"]);
  expect((await fleet.rollBack(failed)).state).toBe("rolled-back");
  expect((await fleet.bases("front")).flatMap(({ modules }) => modules.map(({ version }) => version))).toEqual([
    "1.0.0",
    "1.0.0",
  ]);
});

test("what is withdrawn answers nothing, and answers again once it is published", async () => {
  const operate = (operation: string) =>
    fleet.carryOut(MODULE_OPERATION, { operation, cluster: "front", module: "prices" });
  const withdrawn = await operate("unpublish");
  expect(await fleet.answers("/prices")).toEqual(["the base", "the base"]);
  expect((await fleet.rollBack(withdrawn)).state).toBe("succeeded");
  expect(await fleet.answers("/prices")).toEqual(["prices 1.0.0", "prices 1.0.0"]);
});

test("two modules are released into one cluster at once, and neither waits for the other", async () => {
  const file = join(platform.home, "go");
  const cart = waitingFor(file, { name: "cart", version: "1.0.0" });
  await fleet.upload(cart);
  const modules = [{ name: "cart", version: "1.0.0" }];
  const slow = await fleet.start(MODULE_RELEASE, { cluster: "front", modules, publish: {} });
  const quick = await fleet.release(answering("prices", "4.0.0"));
  expect(quick.state).toBe("succeeded");
  expect((await platform.client.getChange({ params: { changeId: slow.id } })).state).toBe("running");
  const same = await platform.client.createChange({
    body: { kind: MODULE_RELEASE, spec: { cluster: "front", modules } },
  });
  await expect(platform.client.startChange({ params: { changeId: same.id }, body: {} })).rejects.toMatchObject({
    code: "LOCK_HELD",
  });
  expect(existsSync(file)).toBe(false);
  writeFileSync(file, "go");
  expect((await settled(platform, slow)).state).toBe("succeeded");
  expect(await fleet.answers("/cart")).toEqual(["cart 1.0.0", "cart 1.0.0"]);
});

test("one order releases two modules to one base first, which holds others than its neighbour then", async () => {
  await fleet.upload(answering("stock", "1.0.0"));
  await fleet.upload(answering("tax", "1.0.0"));
  const modules = ["stock", "tax"].map((name) => ({ name, version: "1.0.0" }));
  const change = await fleet.carryOut(MODULE_RELEASE, { cluster: "front", modules, bases: 1, publish: {} });
  expect(change).toMatchObject({ state: "succeeded", targets: { succeeded: 1 } });
  expect((await fleet.answers("/stock")).toSorted()).toEqual(["stock 1.0.0", "the base"]);
  expect((await fleet.answers("/tax")).toSorted()).toEqual(["tax 1.0.0", "the base"]);
});

test("scaling out takes the least loaded base, then one of the buffer, and scaling in gives that back", async () => {
  const scale = (count: number) =>
    fleet.carryOut(MODULE_OPERATION, { operation: "scale", cluster: "front", module: "stock", bases: count });
  expect((await scale(2)).state).toBe("succeeded");
  expect(await fleet.answers("/stock")).toEqual(["stock 1.0.0", "stock 1.0.0"]);
  const grown = await scale(3);
  expect(grown.state).toBe("succeeded");
  expect((await fleet.bases("front")).map(({ name }) => name)).toEqual([
    "shop@local-1",
    "shop@local-2",
    "shop@local-3",
  ]);
  expect(await fleet.answers("/stock")).toEqual(["stock 1.0.0", "stock 1.0.0", "stock 1.0.0"]);
  // It got what all bases of the cluster have, too.
  expect(await fleet.answers("/prices")).toEqual(["prices 4.0.0", "prices 4.0.0", "prices 4.0.0"]);
  expect((await scale(2)).state).toBe("succeeded");
  expect((await fleet.bases("warm")).map(({ name, modules }) => ({ name, modules }))).toEqual([
    { name: "shop@local-3", modules: [] },
  ]);
});

test("a base changes cluster in the same process while the routes of its service lose no request", async () => {
  await fleet.upload(answering("orders", "1.0.0"));
  expect((await fleet.move(["shop@local-4"], "back")).state).toBe("succeeded");
  const orders = [{ name: "orders", version: "1.0.0" }];
  await fleet.carryOut(MODULE_RELEASE, { cluster: "back", modules: orders, publish: {} });
  const [before] = await fleet.bases("back");
  const load = shop.load(100);
  const moved = await fleet.start(MODULE_OPERATION, { operation: "move", bases: ["shop@local-2"], to: "back" });
  expect((await until(platform, moved, ({ state }) => state === "succeeded")).state).toBe("succeeded");
  expect(await fleet.answers("/orders", "back")).toEqual(["orders 1.0.0", "orders 1.0.0"]);
  expect(await fleet.answers("/prices", "back")).toEqual(["the base", "the base"]);
  const report = await load.stop();
  expect({ failed: report.failed, failures: report.failures }).toEqual({ failed: 0, failures: [] });
  expect((await fleet.rollBack(moved)).state).toBe("succeeded");
  expect(await fleet.answers("/prices")).toEqual(["prices 4.0.0", "prices 4.0.0"]);
  expect((await fleet.bases("back")).map(({ pid }) => pid)).toEqual([before?.pid]);
});

test("rules of a cluster split requests among two versions that serve at once", async () => {
  await fleet.release(answering("prices", "5.0.0"), { keep: true, publish: {} });
  const rules = [
    {
      on: { kind: "route", name: "/prices" },
      when: { header: { name: "x-gray", equals: "yes" } },
      to: [{ version: "5.0.0" }],
    },
    { on: { kind: "route", name: "/prices" }, to: [{ version: "4.0.0" }] },
  ];
  expect((await fleet.carryOut(MODULE_OPERATION, { operation: "split", cluster: "front", rules })).state).toBe(
    "succeeded",
  );
  expect(await fleet.answers("/prices")).toEqual(["prices 4.0.0", "prices 4.0.0"]);
  const instances = await shop.instances();
  const gray = await fetch(`http://${instances[0]?.address}:${instances[0]?.port}/prices`, {
    headers: { "x-gray": "yes" },
  });
  expect(await gray.text()).toBe("prices 5.0.0");
});

test("the command releases a bundle from a file, operates it, and shows who holds what", async () => {
  const bundle = answering("news", "1.0.0");
  writeFileSync(join(platform.home, "news.jar"), bundle.bytes);
  const env = {
    ...{ PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, HOME: platform.home },
    XDG_CONFIG_HOME: join(platform.home, "config"),
  };
  const evenkeel = async (line: string): Promise<string> => {
    const options = { env, cwd: platform.home };
    return (await promisify(execFile)(join(platform.home, "bin/evenkeel"), line.split(" "), options)).stdout;
  };
  await evenkeel("login");
  await evenkeel("module release news.jar --cluster front --publish --yes");
  expect(await fleet.answers("/news")).toEqual(["news 1.0.0", "news 1.0.0"]);
  expect(await evenkeel("module list news")).toContain("1.0.0");
  await evenkeel("module unpublish news --cluster front --yes");
  expect(await fleet.answers("/news")).toEqual(["the base", "the base"]);
  expect(await evenkeel("base-cluster bases front")).toContain("news@1.0.0 unpublished");
  expect(await evenkeel("base-cluster show front")).toContain("shop@local-1");
  const wrong = evenkeel("base-cluster move shop@local-1");
  await expect(wrong).rejects.toMatchObject({ stderr: expect.stringContaining("USAGE_WRONG") });
});

describe("foreign bases, in Java", () => {
  let mall: Shop;
  let bases: BaseFleet;
  const env = { EVENKEEL_ARKLET_URL: "http://{host}:1238" };
  const manifest = { start: JAVA_START, env, replace: "in-place", hosts: ["local-1", "local-2"] };
  const strategy = { beta: 1, batches: "each" };
  const one = "tariffs 1.0.0";

  beforeEach(({ skip }) => skip(NO_JAVA !== null, NO_JAVA ?? ""));
  beforeAll(async () => {
    if (NO_JAVA !== null) return;
    mall = new Shop(platform, "mall");
    bases = new BaseFleet(platform, mall);
    const released = await mall.release({ version: "1.0.0", files: java.base, manifest });
    expect(released.state).toBe("succeeded");
    await bases.told(6);
    await bases.cluster("mall");
    expect((await bases.move(["mall@local-1", "mall@local-2"], "mall")).state).toBe("succeeded");
  });

  const release = (index: number, more: object = {}) =>
    bases.release(java.jars[index]!, { cluster: "mall", publish: {}, strategy, ...more });
  const versions = [
    { name: "tariffs", version: "1.0.0" },
    { name: "tariffs", version: "3.0.0", startFails: "no database for tariffs" },
    { name: "tariffs", version: "5.0.0", failOneOf: 2 },
    { name: "tariffs", version: "4.0.0" },
    { name: "goods", version: "1.0.0" },
  ];
  const java = NO_JAVA === null ? buildJava(versions) : { base: {}, jars: [] };

  test("jars are released onto them by a beta and batches, in the same processes, and rolled back", async () => {
    expect(await release(0)).toMatchObject({ state: "succeeded", targets: { succeeded: 2 } });
    expect(await bases.answers("/tariffs", "mall")).toEqual([one, one]);
    const before = await bases.bases("mall");
    expect(before.map(({ kind, drift }) => ({ kind, drift }))).toEqual(
      before.map(() => ({ kind: "arklet", drift: [] })),
    );
    const released = await release(3);
    expect(released).toMatchObject({ state: "succeeded", targets: { succeeded: 2 } });
    expect(released.groups[0]?.batches).toHaveLength(2);
    expect(await bases.answers("/tariffs", "mall")).toEqual(["tariffs 4.0.0", "tariffs 4.0.0"]);
    expect((await bases.rollBack(released)).state).toBe("succeeded");
    expect(await bases.answers("/tariffs", "mall")).toEqual([one, one]);
    expect((await bases.bases("mall")).map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid));
  });

  test("one that cannot be started stops at its first base, with the stack that Java gives", async () => {
    const failed = await release(1);
    expect(failed).toMatchObject({ state: "failed", targets: { failed: 1, succeeded: 0 } });
    const shown = JSON.stringify(await platform.client.getChange({ params: { changeId: failed.id } }));
    expect(shown).toContain("no database for tariffs");
    expect(await bases.answers("/tariffs", "mall")).toEqual([one, one]);
    expect((await bases.rollBack(failed)).state).toBe("rolled-back");
  });

  test("one that answers errors is rolled back at its first base by its guard", async () => {
    const load = startLoad({ url: `${platform.gateway}/tariffs`, hostHeader: mall.hostHeader, rate: 200 });
    try {
      const guards = [{ kind: "error-rate", action: "rollback", windowSeconds: 20 }];
      const bad = await release(2, { strategy: { ...strategy, guards } });
      expect(bad).toMatchObject({ state: "rolled-back", problem: { code: "GUARD_WORSE" } });
      const targets = bad.groups.flatMap(({ batches }) => batches.flatMap((batch) => batch.targets));
      expect(targets.filter(({ state }) => state !== "pending" && state !== "staged")).toHaveLength(1);
      expect(await bases.answers("/tariffs", "mall")).toEqual([one, one]);
    } finally {
      await load.stop();
    }
  });

  test("what another tool brings is shown as not wanted, and by whom", async () => {
    const [, second] = await mall.instances();
    const file = join(platform.home, "goods.jar");
    writeFileSync(file, java.jars[4]?.bytes ?? "");
    const body = JSON.stringify({ bizUrl: pathToFileURL(file).href });
    const answer = await fetch(`http://${second?.address}:1238/installBiz`, { method: "POST", body });
    expect(await answer.json()).toMatchObject({ code: "SUCCESS" });
    const drift = async () => (await bases.bases("mall")).map((base) => base.drift);
    const brought = { module: "goods", wanted: "nothing", found: "1.0.0 published by arklet" };
    await expect.poll(drift, { timeout: 60_000 }).toEqual([[], [brought]]);
  });
});
