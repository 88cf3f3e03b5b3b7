import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { BatchState } from "@evenkeel/contracts/change-state";
import { ROUTE_CHANGE } from "@evenkeel/contracts/traffic-rule";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { type Effect, Shop, settled, until } from "@evenkeel/testkit/shop";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const BLUE = ["local-1", "local-2"];
const GREEN = ["local-3", "local-4"];
/** χ² with one degree of freedom is above it once in a thousand draws; users' names are the same in each run. */
const RARE = 10.83;
const LEAST_REQUESTS = 10_000;

describe.each(["haproxy", "node"])("blue-green by cell through %s", (driver) => {
  let platform: Platform;
  let shop: Shop;
  const agent = new Agent({ keepAlive: true, maxSockets: 100 });

  beforeAll(async () => {
    platform = await startPlatform({ environment: { EVENKEEL_GATEWAY_DRIVER: driver } });
    shop = new Shop(platform);
    expect((await shop.release({ version: "1.0.0" })).state).toBe("succeeded");
    const { client } = platform;
    const { zones } = await client.getWorkspace({ params: { workspace: "local" } });
    for (const name of ["blue", "green"]) await client.createCell({ body: { workspace: "local", name, zones } });
    const hosts = [...BLUE, ...GREEN].map((host) => ({ host, cell: BLUE.includes(host) ? "blue" : "green" }));
    const spec = { hosts, cells: [{ cell: "blue", weight: 100 }], userKey: [{ cookie: "uid" }] };
    const first = await client.createChange({ body: { kind: ROUTE_CHANGE, spec, start: {} } });
    expect((await settled(platform, first)).state).toBe("succeeded");
  });
  afterAll(async () => {
    agent.destroy();
    await platform?.remove();
  });

  /** The version that one request is answered by; anything but an answer is an error. */
  function ask(headers: Record<string, string>): Promise<string> {
    return new Promise((resolve, reject) => {
      const call = request(platform.gateway, { agent, headers: { host: shop.hostHeader, ...headers } }, (response) => {
        response.on("error", reject).on("end", () => {
          const { statusCode, headers: said } = response;
          if (statusCode === 200) resolve(String(said["x-version"]));
          else reject(new Error(`answered ${statusCode}`));
        });
        response.resume();
      });
      call.on("error", reject).end();
    });
  }
  const users = Array.from({ length: 4000 }, (_, index) => `user-${index}`);
  /** Who of them gets the new version. */
  async function switched(): Promise<Set<string>> {
    const versions = await Promise.all(users.map((user) => ask({ cookie: `uid=${user}` })));
    return new Set(users.filter((_, index) => versions[index] === "2.0.0"));
  }
  /** Those who try it by header, whoever they are. */
  const triers = async () =>
    new Set(await Promise.all(users.slice(0, 50).map((user) => ask({ cookie: `uid=${user}`, "x-trial": "1" }))));

  function chiSquare(found: number, share: number): number {
    const [expected, others] = [users.length * share, users.length * (1 - share)];
    return (found - expected) ** 2 / expected + (found - expected) ** 2 / others;
  }
  const startsSince = (before: readonly Effect[]) =>
    shop
      .effects()
      .slice(before.length)
      .filter(({ what }) => what === "start");

  test("the idle cell is released, tried by header and sample, users are switched by steps, and back by one action, without a lost request", async () => {
    const load = shop.load(200);
    const blueGreen = {
      trial: { match: [{ header: "x-trial", present: true }], percent: 5 },
      ...{ steps: [30, 100], keepOldSeconds: 86_400 },
    };
    const strategy = { batches: "all", confirm: "each" };
    const change = await shop.start({ version: "2.0.0", manifest: { blueGreen }, strategy });
    const batch = async (batchId: string, ...states: readonly BatchState[]) =>
      await until(platform, change, ({ groups }) => {
        const found = groups.flatMap(({ batches }) => batches).find((each) => each.batchId === batchId);
        return found !== undefined && states.includes(found.state);
      });
    const confirm = async (batchId: string, ...states: readonly BatchState[]) => {
      await batch(batchId, "awaiting-confirmation");
      const params = { changeId: change.id };
      await platform.client.confirmChange({ params, body: { batchIds: [batchId] } });
      await batch(batchId, ...states);
    };

    await batch("trial in green/1", "awaiting-confirmation");
    expect([(await switched()).size, [...(await triers())]]).toEqual([0, ["1.0.0"]]);
    expect((await shop.instances()).map(({ packageVersion }) => packageVersion)).toEqual([
      ...["1.0.0", "1.0.0"],
      ...["2.0.0", "2.0.0"],
    ]);
    await confirm("trial in green/1", "succeeded");
    expect([...(await triers())]).toEqual(["2.0.0"]);
    const sample = await switched();
    expect(chiSquare(sample.size, 0.05)).toBeLessThan(RARE);
    expect(await switched()).toEqual(sample);

    await confirm("switch to green/1", "succeeded");
    const some = await switched();
    expect(chiSquare(some.size, 0.3)).toBeLessThan(RARE);
    expect([...sample].filter((user) => !some.has(user))).toEqual([]);

    await confirm("keep blue/1", "baking");
    expect((await switched()).size).toBe(users.length);
    expect((await platform.client.listTrafficRules({ query: {} })).items).toEqual([]);

    const before = shop.effects();
    const blue = (await shop.instances()).filter(({ hostName }) => BLUE.includes(hostName)).map(({ pid }) => pid);
    const body = { speed: "fast" as const, reason: "to see it go back" };
    await platform.client.rollbackChange({ params: { changeId: change.id }, body });
    expect((await settled(platform, change)).state).toBe("rolled-back");
    expect([(await switched()).size, [...(await triers())]]).toEqual([0, ["1.0.0"]]);
    const now = await shop.instances();
    expect(now.map(({ packageVersion }) => packageVersion)).toEqual(Array(4).fill("1.0.0"));
    expect(now.filter(({ hostName }) => BLUE.includes(hostName)).map(({ pid }) => pid)).toEqual(blue);
    // Only the cell that users had left begins anew what it ran before.
    expect(startsSince(before)).toHaveLength(2);

    while (load.snapshot().sent < LEAST_REQUESTS) await sleep(100);
    const { failed, failures, byVersion } = await load.stop();
    expect({ failed, failures, versions: Object.keys(byVersion).toSorted() }).toEqual({
      ...{ failed: 0, failures: [] },
      versions: ["1.0.0", "2.0.0"],
    });
  });
});
