import { Agent, request } from "node:http";
import { RELEASE_ORDER } from "@evenkeel/client/deployment";
import type { Change } from "@evenkeel/contracts/change";
import { ROUTE_CHANGE } from "@evenkeel/contracts/traffic-rule";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { Shop, type ShopVersion, settled, until } from "@evenkeel/testkit/shop";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

interface Said {
  readonly version: string;
  readonly host: string;
}

const into = (cell: string, ...names: readonly string[]) => names.map((host) => ({ host, cell }));
const to = (version: string, percent = 100) => ({ to: { version }, percent });

// What is to be decided, the gateway decides in its own process under HAProxy too: with it, both are on the way.
describe.each(["haproxy", "node"])("traffic through %s", (driver) => {
  let platform: Platform;
  let shop: Shop;
  const agent = new Agent({ keepAlive: true, maxSockets: 100 });

  beforeAll(async () => {
    platform = await startPlatform({ environment: { EVENKEEL_GATEWAY_DRIVER: driver } });
    const { items } = await platform.client.listGateways({ query: {} });
    expect(items.map((gateway) => gateway.driver)).toEqual([driver]);
    shop = new Shop(platform);
    expect((await shop.release({ version: "1.0.0" })).state).toBe("succeeded");
  });
  afterAll(async () => {
    agent.destroy();
    await platform?.remove();
  });

  /** What the shop answers to one request on a kept connection. */
  function ask(headers: Record<string, string> = {}, path = "/"): Promise<Said> {
    return new Promise((resolve, reject) => {
      const url = new URL(path, platform.gateway);
      const call = request(url, { agent, headers: { host: shop.hostHeader, ...headers } }, (response) => {
        let text = "";
        response.on("data", (bytes) => (text += bytes));
        response.on("error", reject);
        response.on("end", () =>
          response.statusCode === 200 ? resolve(JSON.parse(text)) : reject(new Error(`${response.statusCode} ${text}`)),
        );
      });
      call.on("error", reject);
      call.end();
    });
  }
  const versions = async (times: number, headers?: Record<string, string>, path?: string): Promise<string[]> => {
    const said = await Promise.all(Array.from({ length: times }, () => ask(headers, path)));
    return [...new Set(said.map(({ version }) => version))].toSorted();
  };

  async function begin(kind: string, spec: unknown): Promise<Change> {
    return await platform.client.createChange({ body: { kind, spec, start: {} } });
  }
  async function carryOut(kind: string, spec: unknown): Promise<Change> {
    const ended = await settled(platform, await begin(kind, spec));
    expect(ended).toMatchObject({ state: "succeeded" });
    return ended;
  }
  async function goBack(change: Change): Promise<void> {
    const params = { changeId: change.id };
    const back = await platform.client.rollbackChange({ params, body: { speed: "fast", reason: "to see it go back" } });
    await platform.client.startChange({ params: { changeId: back.id }, body: {} });
    expect((await settled(platform, back)).state).toBe("succeeded");
  }
  /** On some hosts alone. */
  async function releaseOn(what: ShopVersion, hosts: unknown): Promise<Change> {
    return await carryOut(RELEASE_ORDER, { ...(await shop.specOf(what)), hosts });
  }

  test("10 % of 10,000 users get the new version, each always the same, and exactly those who fit a rule; removal acts on the next request", async () => {
    await releaseOn({ version: "2.0.0" }, ["local-1"]);
    const load = shop.load(50);
    const send = { to: [to("2.0.0", 10), to("1.0.0", 90)], key: [{ cookie: "uid" }] };
    await carryOut(ROUTE_CHANGE, { put: [{ name: "share", service: "shop", send }] });
    const users = Array.from({ length: 10_000 }, (_, index) => `user-${index}`);
    const versionOf = async (user: string) => (await ask({ cookie: `a=1; uid=${user}` })).version;
    const got = await Promise.all(users.map(versionOf));
    const share = got.filter((version) => version === "2.0.0").length / 100;
    expect(share).toBeGreaterThan(9);
    expect(share).toBeLessThan(11);
    const again = users.filter((_, index) => index % 10 === 0);
    expect(await Promise.all(again.map(versionOf))).toEqual(again.map((user) => got[users.indexOf(user)]));

    const rule = (name: string, priority: number, match: object) => ({
      ...{ name, priority, service: "shop", match: [match] },
      send: { to: [to("2.0.0")] },
    });
    const put = [
      rule("by-header", 10, { header: "x-user", in: ["ann", "ben"] }),
      rule("by-cookie", 20, { cookie: "user", prefix: "vip-" }),
      rule("by-query", 30, { query: "beta", exact: "1" }),
      rule("by-address", 40, { field: "source", in: ["203.0.113.0/24"] }),
    ];
    const content = await carryOut(ROUTE_CHANGE, { put, remove: ["share"] });
    expect(await versions(20, { "x-user": "ben" })).toEqual(["2.0.0"]);
    expect(await versions(20, { cookie: "user=vip-7" })).toEqual(["2.0.0"]);
    expect(await versions(20, {}, "/?beta=1")).toEqual(["2.0.0"]);
    // Nobody else has a rule: every instance takes it.
    expect(await versions(40, { "x-user": "cid", cookie: "user=7" }, "/?beta=2")).toEqual(["1.0.0", "2.0.0"]);
    await goBack(content);
    expect((await platform.client.listTrafficRules({ query: {} })).items.map(({ name }) => name)).toEqual(["share"]);
    await carryOut(ROUTE_CHANGE, { remove: ["share"] });
    expect(await versions(40, { "x-user": "ben" })).toEqual(["1.0.0", "2.0.0"]);
    const { failed, failures } = await load.stop();
    expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
  });

  test("a gray release moves its users through its shares, hosts beside them, and loses no request", async () => {
    await releaseOn({ version: "2.1.0" }, "all");
    const load = shop.load(100);
    const gray = { steps: [20, 50, 100], key: [{ cookie: "uid" }], match: [{ header: "x-tester", present: true }] };
    const what = { version: "3.0.0", manifest: { gray }, strategy: { batches: "each", confirm: "each" } };
    const change = await shop.start(what);
    const confirm = async (batchId: string) => {
      const body = { batchIds: [batchId] };
      await platform.client.confirmChange({ params: { changeId: change.id }, body });
      await until(platform, change, ({ groups, state }) => {
        const batch = groups.flatMap(({ batches }) => batches).find((each) => each.batchId === batchId);
        return batch?.state === "succeeded" && (state === "awaiting-confirmation" || state === "succeeded");
      });
    };
    const shareOf = async () => {
      const said = await Promise.all(Array.from({ length: 1000 }, (_, index) => ask({ cookie: `uid=user-${index}` })));
      return Math.round(said.filter(({ version }) => version === "3.0.0").length / 10);
    };
    await until(platform, change, ({ state }) => state === "awaiting-confirmation");
    expect(await versions(20, { "x-tester": "1" })).toEqual(["3.0.0"]);
    expect(await shareOf()).toBe(0);
    await confirm("shop users 20 %/1");
    expect(Math.abs((await shareOf()) - 20)).toBeLessThan(5);
    await confirm("shop 2/1");
    await confirm("shop users 50 %/1");
    expect(Math.abs((await shareOf()) - 50)).toBeLessThan(5);
    await confirm("shop 3/1");
    await confirm("shop 3/2");
    await confirm("shop users 100 %/1");
    expect(await settled(platform, change)).toMatchObject({ state: "succeeded" });
    expect(await versions(40)).toEqual(["3.0.0"]);
    expect((await platform.client.listTrafficRules({ query: {} })).items).toEqual([]);
    const { failed, failures } = await load.stop();
    expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
  });

  test("blue and green: the idle cell is released and tried by a header, users are switched to it by steps and back by one action", async () => {
    const { client } = platform;
    const { zones } = await client.getWorkspace({ params: { workspace: "local" } });
    for (const name of ["blue", "green"])
      await client.createCell({ body: { workspace: "local", name, zones, colour: name } });
    const weights = (blue: number) => [
      { cell: "blue", weight: blue },
      { cell: "green", weight: 100 - blue },
    ];
    const load = shop.load(200);
    const hosts = [...into("blue", "local-1", "local-2"), ...into("green", "local-3", "local-4")];
    await carryOut(ROUTE_CHANGE, { hosts, cells: weights(100), userKey: [{ cookie: "uid" }] });
    await releaseOn({ version: "4.0.0" }, { cells: ["green"] });
    expect(await versions(40)).toEqual(["3.0.0"]);
    const trial = {
      name: "trial",
      service: "shop",
      match: [{ header: "x-trial", present: true }],
      send: { to: [{ to: { cell: "green" } }] },
    };
    await carryOut(ROUTE_CHANGE, { put: [trial] });
    expect([await versions(20, { "x-trial": "1" }), await versions(20)]).toEqual([["4.0.0"], ["3.0.0"]]);
    const over = await begin(ROUTE_CHANGE, { cells: weights(0), steps: [30, 100], strategy: { confirm: "each" } });
    await until(platform, over, ({ state }) => state === "awaiting-confirmation");
    const said = await Promise.all(Array.from({ length: 1000 }, (_, index) => ask({ cookie: `uid=user-${index}` })));
    expect(Math.abs(said.filter(({ version }) => version === "4.0.0").length / 10 - 30)).toBeLessThan(5);
    await client.confirmChange({ params: { changeId: over.id }, body: { batchIds: ["traffic/2"] } });
    const switched = await settled(platform, over);
    expect(switched.state).toBe("succeeded");
    expect(await versions(40)).toEqual(["4.0.0"]);
    await goBack(switched);
    expect(await versions(40)).toEqual(["3.0.0"]);
    // A host takes what runs on it along: the users of the cell meet it from then on, and no more when it is back.
    const moved = await carryOut(ROUTE_CHANGE, { hosts: into("blue", "local-4") });
    expect(await versions(40)).toEqual(["3.0.0", "4.0.0"]);
    await goBack(moved);
    expect(await versions(40)).toEqual(["3.0.0"]);
    const { failed, failures } = await load.stop();
    expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
  });

  test("a cell is sent away and brought back by one action each, and whoever has lost all of its own is drained and served by its fail-over", async () => {
    const load = shop.load(100);
    await carryOut(ROUTE_CHANGE, { cells: [{ cell: "blue", failOver: "green" }] });
    expect(await versions(40)).toEqual(["3.0.0"]);
    const away = await carryOut(ROUTE_CHANGE, { cells: [{ cell: "blue", away: true }] });
    expect(await versions(40)).toEqual(["4.0.0"]);
    await goBack(away);
    expect(await versions(40)).toEqual(["3.0.0"]);
    const offline = { service: "shop", operation: "offline", hosts: { cells: ["blue"] } };
    await carryOut("operation-order", offline);
    expect(await versions(40)).toEqual(["4.0.0"]);
    const { failed, failures } = await load.stop();
    expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
  });
});
