import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { request } from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { CONVERGENCE } from "@evenkeel/contracts/convergence";
import { ROUTE_CHANGE } from "@evenkeel/contracts/traffic-rule";
import { startLoad } from "@evenkeel/load/load";
import { answering, BASE_SERVER, flawed, pricing, type TestBundle, talking } from "@evenkeel/testkit/base-application";
import { BaseFleet } from "@evenkeel/testkit/base-fleet";
import { runCommand } from "@evenkeel/testkit/command";
import { hostInState, signalAgents } from "@evenkeel/testkit/extra-host";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { Shop } from "@evenkeel/testkit/shop";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

// One platform, one base application on four hosts, three of them in the cluster `front`: each test goes on where the one before ended.

const AWAY = "local-3";

let platform: Platform;
let fleet: BaseFleet;

beforeAll(async () => {
  platform = await startPlatform();
  const shop = new Shop(platform);
  fleet = new BaseFleet(platform, shop);
  expect((await shop.release({ version: "1.0.0", files: { "server.mjs": BASE_SERVER } })).state).toBe("succeeded");
  await fleet.told(4);
  for (const name of ["front", "gold"]) await fleet.cluster(name);
  const front = ["shop@local-1", "shop@local-2", "shop@local-3"];
  expect((await fleet.move(front, "front")).state).toBe("succeeded");
  expect((await fleet.move(["shop@local-4"], "gold")).state).toBe("succeeded");
});
afterAll(async () => {
  await signalAgents(platform, [AWAY], "SIGCONT");
  await platform.remove();
});

async function evenkeel(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(platform, args);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return stdout;
}

function written(bundle: TestBundle): string {
  const file = `${bundle.name}-${bundle.version}.jar`;
  writeFileSync(join(platform.home, file), bundle.bytes);
  return file;
}

/** Through the gateway, by callers who know of no versions; with a body it is a POST, which is answered with the same. */
async function ask(path: string, body?: string): Promise<string> {
  const method = body === undefined ? "GET" : "POST";
  const options = { method, headers: { host: fleet.shop.hostHeader } };
  const response = await new Promise<import("node:http").IncomingMessage>((resolve, reject) => {
    request(`${platform.gateway}${path}`, options, resolve).once("error", reject).end(body);
  });
  const text = (await buffer(response)).toString("utf8");
  return body !== undefined && text === body ? `all of it, by ${String(response.headers["x-version"])}` : text;
}

/** A WebSocket with small frames, which a client of this host header may not open otherwise. */
async function openWebSocket(path: string) {
  const headers = {
    ...{ host: fleet.shop.hostHeader, connection: "upgrade", upgrade: "websocket" },
    ...{ "sec-websocket-version": "13", "sec-websocket-key": Buffer.alloc(16, 1).toString("base64") },
  };
  const asked = request(`${platform.gateway}${path}`, { headers, agent: false }).end();
  const refused = once(asked, "response").then(([{ statusCode }]) => Promise.reject(new Error(`${statusCode}`)));
  const [, socket, head] = (await Promise.race([once(asked, "upgrade"), refused])) as [unknown, Socket, Buffer];
  socket.unshift(head);
  const bytes = socket.iterator({ destroyOnReturn: false });
  let rest = Buffer.alloc(0);
  const take = async (count: number): Promise<Buffer> => {
    while (rest.length < count) {
      const { value, done } = (await bytes.next()) as IteratorResult<Buffer>;
      if (done) throw new Error("it ended without a word");
      rest = Buffer.concat([rest, value]);
    }
    const taken = rest.subarray(0, count);
    rest = rest.subarray(count);
    return taken;
  };
  const next = async (): Promise<string> => {
    const [first, length = 0] = await take(2);
    const content = await take(length);
    return first === 0x88 ? `closed ${content.readUInt16BE(0)}` : content.toString();
  };
  return { socket, next };
}

const rule = (when: object, to: object[], more: object = {}) => ({
  on: { kind: "route", name: "/prices" },
  ...{ when, to, ...more },
});

test("three versions serve at once: a tag and a parameter of the body find theirs, and shares of 10 % hold over 10,000 users", async () => {
  for (const [version, publish] of [
    ["1.0.0", {}],
    ["2.0.0", {}],
    ["3.0.0", { tags: { lane: "gray" } }],
  ] as const) {
    const released = await fleet.release(answering("prices", version), { keep: true, publish });
    expect(released).toMatchObject({ state: "succeeded", targets: { succeeded: 3 } });
  }
  const shares = [80, 10, 10].map((weight, index) => ({ version: `${index + 1}.0.0`, weight }));
  const rules = [
    rule({ body: { path: "customer.tier", equals: "gold" } }, [{ tags: { lane: "gray" } }]),
    rule({ header: { name: "x-lane", equals: "old" } }, [{ version: "1.0.0" }]),
    rule({}, shares, { stickyBy: "header", stickyOn: "x-user" }),
  ];
  const split = await fleet.operate({ operation: "split", cluster: "front", rules });
  expect(split.state).toBe("succeeded");
  const addresses = await fleet.addresses("front");
  const serverOf = async (user: number, init: RequestInit = {}, base = user): Promise<string | null> => {
    const headers = { "x-user": `user ${user}`, ...init.headers };
    const response = await fetch(`${addresses[base % addresses.length]}/prices`, { ...init, headers });
    await response.arrayBuffer();
    return response.headers.get("x-version");
  };
  const versions = new Map<string | null, number>();
  const users = Array.from({ length: 10_000 }, (_, user) => user).values();
  const ofUser = new Map<number, string | null>();
  const askAll = async (): Promise<void> => {
    for (const user of users) ofUser.set(user, await serverOf(user));
  };
  await Promise.all(Array.from({ length: 16 }, askAll));
  for (const version of ofUser.values()) versions.set(version, (versions.get(version) ?? 0) + 1);
  expect([...versions.values()].reduce((sum, count) => sum + count)).toBe(10_000);
  expect(Math.abs((versions.get("2.0.0") ?? 0) - 1000)).toBeLessThanOrEqual(100);
  expect(Math.abs((versions.get("3.0.0") ?? 0) - 1000)).toBeLessThanOrEqual(100);
  // Whichever base a user meets, he meets the same version.
  for (const user of [1, 2, 3, 4, 5, 6]) expect(await serverOf(user, {}, user + 1)).toBe(ofUser.get(user));
  const gold = { method: "POST", body: JSON.stringify({ customer: { tier: "gold" } }) };
  for (const user of [1, 2, 3]) {
    expect(await serverOf(user, gold)).toBe("3.0.0");
    expect(await serverOf(user, { headers: { "x-lane": "old" } })).toBe("1.0.0");
  }
  expect((await fleet.rollBack(split)).state).toBe("succeeded");
  expect(await fleet.answers("/prices")).toEqual(["prices 3.0.0", "prices 3.0.0", "prices 3.0.0"]);
  // The fourth base has none of them, and the gateway does not ask it.
  const through = async (): Promise<Set<string>> =>
    new Set(await Promise.all(Array.from({ length: 16 }, () => ask("/prices"))));
  await expect.poll(through, { timeout: 60_000 }).toEqual(new Set(["prices 3.0.0"]));
});

test("a parameter of the request leads to the right cluster of bases, for callers who were not changed", async () => {
  const bundle = answering("prices", "9.0.0");
  expect((await fleet.release(bundle, { cluster: "gold", publish: {} })).state).toBe("succeeded");
  const to = (cluster: string, priority: number, match: object[]) => ({
    ...{ name: cluster, service: "shop", priority, match },
    send: { to: [{ to: { baseCluster: cluster } }], fallback: "refuse" },
  });
  const prices = { field: "path", prefix: "/prices" };
  const put = [
    to("gold", 10, [prices, { query: "tier", exact: "gold" }]),
    { ...to("gold", 15, [prices, { body: "customer.tier", exact: "gold" }]), name: "gold-body" },
    to("front", 20, [{ field: "path", prefix: "/p" }]),
  ];
  expect((await fleet.carryOut(ROUTE_CHANGE, { put })).state).toBe("succeeded");
  const answersTo = async (path: string, body?: string): Promise<Set<string>> =>
    new Set(await Promise.all(Array.from({ length: 60 }, () => ask(path, body))));
  expect(await answersTo("/prices?tier=gold")).toEqual(new Set(["prices 9.0.0"]));
  expect(await answersTo("/prices")).toEqual(new Set(["prices 3.0.0"]));
  const order = (tier: string) =>
    JSON.stringify({ customer: { tier }, items: Array.from({ length: 2000 }, (_, i) => i) });
  expect(await answersTo("/prices", order("gold"))).toEqual(new Set(["all of it, by 9.0.0"]));
  expect(await answersTo("/prices", order("tin"))).toEqual(new Set(["all of it, by 3.0.0"]));
});

test("a WebSocket through the gateway stays on its version until that has had its time to drain, and is told so", async () => {
  expect((await fleet.release(talking("talk", "1.0.0"), { publish: {} })).state).toBe("succeeded");
  // The gateway hears of it a moment later, and may ask the base that has none of it till then.
  const early = await vi.waitFor(() => openWebSocket("/talk"), { timeout: 60_000 });
  expect(await early.next()).toBe("talk 1.0.0");
  expect((await fleet.release(talking("talk", "2.0.0"))).state).toBe("succeeded");
  // 1001: whoever served it goes away.
  expect(await early.next()).toBe("closed 1001");
  const late = await openWebSocket("/talk");
  expect(await late.next()).toBe("talk 2.0.0");
  late.socket.destroy();
});

test("a version that answers errors is rolled back at its first base by its guard, with the evidence", async () => {
  const quiet = await fleet.release(answering("prices", "4.0.0"));
  expect(quiet.state).toBe("succeeded");
  const hostHeader = fleet.shop.hostHeader;
  const load = startLoad({ url: `${platform.gateway}/prices`, hostHeader, rate: 200 });
  const guards = [{ kind: "error-rate", action: "rollback", windowSeconds: 20 }];
  const bad = await fleet.release(flawed("prices", "5.0.0", 5), { strategy: { batches: "each", guards } });
  await load.stop();
  expect(bad).toMatchObject({ state: "rolled-back", problem: { code: "GUARD_WORSE" } });
  const targets = bad.groups.flatMap(({ batches }) => batches.flatMap((batch) => batch.targets));
  expect(targets.filter(({ state }) => state !== "pending" && state !== "staged")).toHaveLength(1);
  const [verdict] = bad.groups.flatMap(({ batches }) => batches.flatMap((batch) => batch.guards));
  expect(verdict).toMatchObject({ outcome: "worse", text: expect.stringMatching(/\d+ of \d+ requests failed/) });
  expect(await fleet.answers("/prices")).toEqual(["prices 4.0.0", "prices 4.0.0", "prices 4.0.0"]);
});

test("without requests there is nothing to judge by: it pauses at its first base, and a person decides", async () => {
  const guards = [{ kind: "error-rate", action: "rollback", windowSeconds: 3 }];
  const strategy = { beta: 1, batches: "all", guards };
  const change = await fleet.release(answering("prices", "6.0.0"), { strategy });
  expect(change).toMatchObject({ state: "paused", problem: { code: "GUARD_NO_DATA" }, targets: { succeeded: 1 } });
  expect((await fleet.answers("/prices")).toSorted()).toEqual(["prices 4.0.0", "prices 4.0.0", "prices 6.0.0"]);
  expect((await fleet.rollBack(change)).state).toBe("rolled-back");
  expect(await fleet.answers("/prices")).toEqual(["prices 4.0.0", "prices 4.0.0", "prices 4.0.0"]);
});

test("one order releases two modules as a group, and one module into two businesses; its rollback takes it out of both", async () => {
  const group = [written(pricing("list-price", "1.0.0", 100)), written(answering("tax", "1.0.0"))];
  await evenkeel("login");
  await evenkeel("module", "release", ...group, "--cluster", "front", "--publish", "--yes");
  expect(await fleet.answers("/tax")).toEqual(["tax 1.0.0", "tax 1.0.0", "tax 1.0.0"]);
  const business = (name: string) => ({ name, when: { kind: name }, modules: ["list-price"] });
  const file = { businesses: ["retail", "trade", "staff"].map(business) };
  writeFileSync(join(platform.home, "businesses.json"), JSON.stringify(file));
  await evenkeel("module", "split", "businesses.json", "--cluster", "front", "--yes");
  const soldAs = async (kind: string): Promise<unknown[]> => {
    const answers = await fleet.answers(`/checkout?kind=${kind}`);
    return answers.map((text) => {
      const { output, links } = JSON.parse(text) as { output: number; links: { module: string }[] };
      return `${output} by ${links[0]?.module}`;
    });
  };
  const three = (text: string): string[] => [text, text, text];
  expect(await soldAs("retail")).toEqual(three("100 by list-price"));
  const sale = written(pricing("sale-price", "1.0.0", 80));
  const into = ["--business", "retail", "trade"];
  await evenkeel("module", "release", sale, "--cluster", "front", "--publish", ...into, "--yes");
  expect(await soldAs("retail")).toEqual(three("80 by sale-price"));
  expect(await soldAs("trade")).toEqual(three("80 by sale-price"));
  expect(await soldAs("staff")).toEqual(three("100 by list-price"));
  const { items } = await platform.client.listChanges({ query: { workspace: "local", kind: "module-release" } });
  const order = items.find(({ title }) => title.startsWith("sale-price"))!;
  expect((await fleet.rollBack(order)).state).toBe("succeeded");
  expect(await soldAs("retail")).toEqual(three("100 by list-price"));
  expect((await fleet.bases("front")).map(({ businesses }) => businesses)).toEqual(
    [1, 2, 3].map(() => file.businesses),
  );
});

test("a base whose host is cut off during a release is listed, and gets the version by a change of its own when it returns", async () => {
  await signalAgents(platform, [AWAY], "SIGSTOP");
  await hostInState(platform, AWAY, "offline");
  const change = await fleet.release(answering("prices", "7.0.0"));
  expect(change).toMatchObject({ state: "succeeded", targets: { succeeded: 2, offline: 1 } });
  expect(await fleet.answers("/prices")).toEqual(["prices 7.0.0", "prices 7.0.0", "prices 4.0.0"]);
  await signalAgents(platform, [AWAY], "SIGCONT");
  const wanted = ["prices 7.0.0", "prices 7.0.0", "prices 7.0.0"];
  await expect.poll(() => fleet.answers("/prices"), { timeout: 60_000 }).toEqual(wanted);
  const { items } = await platform.client.listChanges({ query: { workspace: "local", kind: CONVERGENCE } });
  expect(items).toMatchObject([{ createdBy: "evenkeel", title: "shop@local-3 converges to what front wants" }]);
});
