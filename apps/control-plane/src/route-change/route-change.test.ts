import type { Change } from "@evenkeel/contracts/change";
import { type BaseClusterId, BaseId, newId } from "@evenkeel/contracts/id";
import type { RouteTable } from "@evenkeel/contracts/route-table";
import { ROUTE_CHANGE } from "@evenkeel/contracts/traffic-rule";
import { inTransaction } from "@evenkeel/kit/sql";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { assignBase } from "../base-cluster/index.ts";
import { renderTable } from "../route/index.ts";
import { Fleet } from "../slot/testing.ts";

let fleet: Fleet;
const routed = {
  definition: { start: "node server.js", health: { tcp: true }, routes: [{ host: "*", path: "/" }] },
};

beforeAll(async () => {
  fleet = await Fleet.start(["h1", "h2", "h3"]);
  await fleet.release("1.0.0", routed);
  await fleet.release("2.0.0", { ...routed, strategy: { order: [{ hosts: ["h1"] }] }, hosts: ["h1", "h2", "h3"] });
  for (const cell of ["blue", "green"])
    await fleet.call("POST", "/cells", { workspace: "local", name: cell, zones: ["a"] });
});
afterAll(() => fleet.close());
beforeEach(async () => {
  const { items } = await fleet.call("GET", "/traffic-rules");
  const remove = (items as { name: string }[]).map(({ name }) => name);
  if (remove.length > 0) await alter({ remove });
});

async function alter(spec: object): Promise<Change> {
  const { id } = await fleet.create(ROUTE_CHANGE, spec);
  await fleet.start(id);
  return await fleet.waitFor(id, "succeeded");
}
async function table(): Promise<RouteTable> {
  const { id } = await fleet.db.selectFrom("workspace").select("id").executeTakeFirstOrThrow();
  return await renderTable(fleet.db, id);
}
const ruleNames = async () => (await table()).services[0]?.rules.map(({ name }) => name);
const toVersion = (version: string, percent = 100) => ({ to: { version }, percent });
const gray = (more: object = {}) => ({
  name: "gray",
  service: "shop",
  send: { to: [toVersion("2.0.0", 10), { to: { notVersion: "2.0.0" }, percent: 90 }], key: [{ cookie: "uid" }] },
  ...more,
});
const ann = { header: "x-user", exact: "ann" };

test("a rule is set by a change, stands in the table and in the list, and its rollback takes it away", async () => {
  const change = await alter({ put: [gray()] });
  expect(change.title).toBe("traffic: set gray");
  const [service] = (await table()).services;
  expect(service?.rules).toMatchObject([
    {
      name: "gray",
      send: {
        salt: "gray",
        key: [{ cookie: "uid" }],
        ways: [
          { basisPoints: 1000, chain: ["version 2.0.0", "all"] },
          { basisPoints: 9000, chain: ["not version 2.0.0", "all"] },
        ],
      },
    },
  ]);
  expect(service?.subsets.find(({ name }) => name === "version 2.0.0")?.instances).toHaveLength(3);
  expect(service?.subsets.find(({ name }) => name === "not version 2.0.0")?.instances).toEqual([]);
  expect((await fleet.call("GET", "/traffic-rules?service=shop")).items).toMatchObject([{ name: "gray", version: 1 }]);
  const undo = await fleet.call("POST", `/changes/${change.id}/rollback`, { speed: "fast", reason: "enough" });
  await fleet.start(undo.id);
  await fleet.waitFor(undo.id, "succeeded");
  expect(await ruleNames()).toEqual([]);
  await expect(fleet.call("GET", "/traffic-rules/gray")).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("a ratio grows by steps, each a target behind its confirmation, and goes back from the middle to what was", async () => {
  await alter({ put: [gray({ reason: "as it was" })] });
  const { id } = await fleet.create(ROUTE_CHANGE, {
    put: [gray()],
    steps: [20, 50, 100],
    strategy: { confirm: "each" },
  });
  await fleet.start(id);
  const first = await fleet.waitFor(id, "awaiting-confirmation");
  const shareNow = async () => (await table()).services[0]?.rules[0]?.send?.ways.map(({ basisPoints }) => basisPoints);
  expect(await shareNow()).toEqual([2000, 8000]);
  expect(first.groups[0]?.batches).toHaveLength(3);
  expect(first).toMatchObject({
    targets: { total: 3, succeeded: 1 },
    groups: [{ batches: [{ targetCounts: { moves: 1 } }, {}, {}] }],
  });
  await fleet.call("POST", `/changes/${id}/confirm`, { batchIds: ["traffic/2"] });
  await fleet.waitFor(id, "awaiting-confirmation");
  expect(await shareNow()).toEqual([5000, 5000]);
  await fleet.call("POST", `/changes/${id}/rollback`, { speed: "fast", reason: "worse" });
  await fleet.waitFor(id, "rolled-back");
  expect(await shareNow()).toEqual([1000, 9000]);
  expect(await fleet.call("GET", "/traffic-rules/gray")).toMatchObject({ reason: "as it was" });
});

test("guards of a change of traffic compare the instances that get more with the others", async () => {
  const put = [
    gray({
      send: {
        to: [
          { to: { hosts: ["h2"] }, percent: 10 },
          { to: {}, percent: 90 },
        ],
      },
    }),
  ];
  const { plan } = await fleet.call("POST", "/changes/plan", { kind: ROUTE_CHANGE, spec: { put, steps: [10, 50] } });
  const watched = plan.targets[0].watched.map(({ name, gains }: { name: string; gains: boolean }) => [name, gains]);
  expect(watched.toSorted()).toEqual([
    ["h1", false],
    ["h2", true],
    ["h3", false],
  ]);
});

test("the plan says who moves, and warns where nobody serves", async () => {
  const { plan } = await fleet.call("POST", "/changes/plan", {
    kind: ROUTE_CHANGE,
    spec: { put: [gray({ send: { to: [toVersion("1.0.0", 10), { to: {}, percent: 90 }] } })] },
  });
  expect(plan.differences).toMatchObject([
    { field: "rule gray", from: null, to: "1000: all → send 10 % to 1.0.0, 90 % to all" },
    { field: "who moves", to: "of all 0 requests in the last minute: 10 % (about 0) to 1.0.0, 90 % (about 0) to all" },
  ]);
  expect(plan.warnings).toEqual(expect.arrayContaining(["rule gray: nobody serves 1.0.0 now; all instances take it"]));
});

test("a request that somebody thinks of is told the rules that it meets and where it would go", async () => {
  await alter({
    put: [
      gray({ name: "ann", priority: 10, match: [ann], send: { to: [{ to: { hosts: ["h2"] }, lane: "gray" }] } }),
      gray({ name: "limit", send: undefined, rateLimit: { requests: 5 } }),
    ],
  });
  const tried = (headers: object) =>
    fleet.call("POST", "/traffic-rules/match", { service: "shop", request: { headers, path: "/x?a=1" } });
  expect(await tried({ "X-User": "ann" })).toMatchObject({
    ...{ rules: ["ann", "limit"], sentBy: "ann", lane: "gray", cell: null },
    instances: [{ host: "h2", version: "2.0.0" }],
  });
  const other = await tried({ "X-User": "ben" });
  expect(other).toMatchObject({ rules: ["limit"], sentBy: null, lane: null });
  expect(other.instances).toHaveLength(3);
  await expect(fleet.call("POST", "/traffic-rules/match", { service: "nothing" })).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
});

test("a business parameter leads to the bases of a cluster, whichever these are; who is in none is not among them", async () => {
  const tenant = await fleet.db.selectFrom("application").select("tenant_id as tenantId").executeTakeFirstOrThrow();
  const { id: service } = await fleet.service();
  for (const { hostId } of fleet.hosts) {
    const at = { id: newId(BaseId, "base"), service_id: service, host_id: hostId, tenant_id: tenant.tenantId };
    await fleet.db.insertInto("base").values(at).execute();
  }
  const { id: clusterId } = await fleet.call("POST", "/base-clusters", { workspace: "local", name: "gold" });
  const bases = (await fleet.call("GET", "/bases")).items as { id: BaseId; host: string }[];
  const assign = async (host: string, to: BaseClusterId | null): Promise<void> => {
    const { id: baseId } = bases.find((base) => base.host === host)!;
    await inTransaction(fleet.db, (tx) => assignBase(tx, { baseId, clusterId: to, cameFrom: null }));
  };
  const send = { to: [{ to: { baseCluster: "gold" } }], fallback: "refuse" };
  const spec = { put: [gray({ match: [{ query: "tier", exact: "gold" }], send })] };
  const { plan } = await fleet.call("POST", "/changes/plan", { kind: ROUTE_CHANGE, spec });
  expect(plan.warnings).toContain("rule gray: nobody serves base-cluster gold now; it is answered 503");
  await alter(spec);
  const hostsOf = async (path: string): Promise<string[]> => {
    const tried = await fleet.call("POST", "/traffic-rules/match", { service: "shop", request: { path } });
    return (tried.instances as { host: string }[]).map(({ host }) => host).toSorted();
  };
  expect(await hostsOf("/prices?tier=gold")).toEqual([]);
  await assign("h2", clusterId);
  await assign("h3", clusterId);
  expect(await hostsOf("/prices?tier=gold")).toEqual(["h2", "h3"]);
  expect(await hostsOf("/prices?tier=tin")).toEqual(["h1", "h2", "h3"]);
  await assign("h2", null);
  expect(await hostsOf("/prices?tier=gold")).toEqual(["h3"]);
});

describe("what cannot be is refused, and the table stays", () => {
  test.each<[string, object, string]>([
    ["a service that is none", { put: [gray({ service: "nothing" })] }, "NOT_FOUND"],
    ["a rule that is none", { remove: ["nothing"] }, "NOT_FOUND"],
    ["a rule twice", { put: [gray(), gray()] }, "INPUT_INVALID"],
    ["a version that nobody uploaded", { put: [gray({ send: { to: [toVersion("9.9.9")] } })] }, "RULE_TARGET_UNKNOWN"],
    [
      "a base-cluster that nobody made",
      { put: [gray({ send: { to: [{ to: { baseCluster: "silver" } }] } })] },
      "RULE_TARGET_UNKNOWN",
    ],
    ["shares of 90 %", { put: [gray({ send: { to: [toVersion("2.0.0", 90)] } })] }, "RULE_SHARES_WRONG"],
    ["a pattern that explodes", { put: [gray({ match: [{ header: "x", regex: "(a+)+$" }] })] }, "RULE_REGEX_UNSAFE"],
    ["two tests in one condition", { put: [gray({ match: [{ ...ann, prefix: "a" }] })] }, "INPUT_INVALID"],
    [
      "one shadowed by what is there",
      { put: [gray({ name: "late", priority: 2000, match: [ann] })] },
      "RULE_NEVER_MATCHES",
    ],
    ["one in conflict with what is there", { put: [gray({ name: "late", match: [ann] })] }, "RULE_CONFLICT"],
    ["a rule that does nothing", { put: [{ name: "idle", service: "shop" }] }, "INPUT_INVALID"],
    ["a cell that is none", { cells: [{ cell: "red", weight: 1 }] }, "CELL_UNFIT"],
    ["steps that shrink", { put: [gray()], steps: [50, 20] }, "INPUT_INVALID"],
    ["steps of nothing that grows", { remove: ["there"], steps: [50] }, "INPUT_INVALID"],
    ["nothing", {}, "INPUT_INVALID"],
    ["what is so already", { put: [gray({ name: "there" })] }, "TRAFFIC_ALREADY_SO"],
  ])("%s", async (_, spec, code) => {
    await alter({ put: [gray({ name: "there" })] });
    const { version } = await table();
    await expect(fleet.create(ROUTE_CHANGE, spec)).rejects.toMatchObject({ code });
    expect(await table()).toMatchObject({ version, services: [{ rules: [{ name: "there" }] }] });
  });

  test("a change that was planned beside another one on the same rules does not begin", async () => {
    const late = await fleet.create(ROUTE_CHANGE, { put: [gray({ name: "late", priority: 5, match: [ann] })] });
    await alter({ put: [gray({ name: "there" })] });
    await expect(fleet.start(late.id)).rejects.toMatchObject({ code: "PLAN_BASIS_MOVED" });
  });
});

describe("cells", () => {
  test("weights are switched by steps of a change, and one action switches back", async () => {
    await alter({
      cells: [
        { cell: "blue", weight: 1 },
        { cell: "green", weight: 0 },
      ],
      userKey: [{ cookie: "uid" }],
    });
    const entry = async () => (await table()).entry;
    expect(await entry()).toEqual({ key: [{ cookie: "uid" }], cells: [{ cell: "blue", basisPoints: 10_000 }] });
    const { id } = await fleet.create(ROUTE_CHANGE, {
      cells: [
        { cell: "blue", weight: 0 },
        { cell: "green", weight: 1 },
      ],
      ...{ steps: [5, 100], strategy: { confirm: "each" } },
    });
    await fleet.start(id);
    await fleet.waitFor(id, "awaiting-confirmation");
    expect((await entry())?.cells).toEqual([
      { cell: "blue", basisPoints: 9500 },
      { cell: "green", basisPoints: 500 },
    ]);
    await fleet.call("POST", `/changes/${id}/confirm`, { batchIds: ["traffic/2"] });
    await fleet.waitFor(id, "succeeded");
    expect((await entry())?.cells).toEqual([{ cell: "green", basisPoints: 10_000 }]);
    const undo = await fleet.call("POST", `/changes/${id}/rollback`, { speed: "fast", reason: "back" });
    await fleet.start(undo.id);
    await fleet.waitFor(undo.id, "succeeded");
    expect((await entry())?.cells).toEqual([{ cell: "blue", basisPoints: 10_000 }]);
  });

  test("a cell is sent away to its fail-over cell and brought back, whatever it weighs", async () => {
    await alter({
      hosts: [
        { host: "h1", cell: "blue" },
        { host: "h2", cell: "green" },
      ],
    });
    const away = { cells: [{ cell: "blue", away: true }] };
    await expect(fleet.create(ROUTE_CHANGE, away)).rejects.toMatchObject({ code: "CELL_UNFIT" });
    await alter({ cells: [{ cell: "blue", failOver: "green" }] });
    const change = await alter(away);
    const chainOf = async () => (await table()).services[0]?.home.cells.find(({ cell }) => cell === "blue")?.chain;
    expect(await chainOf()).toEqual(["cell green"]);
    const both = [{ cell: "green", failOver: "blue", away: true }];
    await expect(fleet.create(ROUTE_CHANGE, { cells: both })).rejects.toMatchObject({ code: "CELL_UNFIT" });
    const undo = await fleet.call("POST", `/changes/${change.id}/rollback`, { speed: "fast", reason: "back" });
    await fleet.start(undo.id);
    await fleet.waitFor(undo.id, "succeeded");
    expect(await chainOf()).toEqual(["cell blue", "near blue", "cell green"]);
    const hosts = ["h1", "h2"].map((host) => ({ host, cell: null }));
    await alter({ hosts, allowGap: true });
  });

  test("a rule that sends to a cell carries the request into it", async () => {
    await alter({ put: [gray({ send: { to: [{ to: { cell: "green" } }] } })] });
    expect((await table()).services[0]?.rules[0]?.send?.ways).toMatchObject([
      { cell: "green", chain: ["cell green", "all"] },
    ]);
  });

  test("traffic of a cell goes to its own instances, then to those near it in no unit, then to its fail-over: nowhere else", async () => {
    const hosts = [
      { host: "h1", cell: "blue" },
      { host: "h2", cell: "green" },
    ];
    await alter({ hosts });
    const [service] = (await table()).services;
    expect(service?.home.cells).toEqual([
      { cell: "blue", chain: ["cell blue", "near blue", "cell green"] },
      { cell: "green", chain: ["cell green", "near green"] },
    ]);
    const instances = (name: string) =>
      service?.subsets
        .find((subset) => subset.name === name)
        ?.instances.map((key) => fleet.hosts.find(({ hostId }) => key.includes(hostId))?.name);
    expect(instances("cell blue")).toEqual(["h1"]);
    expect(instances("near blue")).toEqual(["h3"]);
    expect(instances("cell green")).toEqual(["h2"]);
  });
});
