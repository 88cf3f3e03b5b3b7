import type { Change } from "@evenkeel/contracts/change";
import type { Plan } from "@evenkeel/contracts/change-plan";
import type { RouteTable } from "@evenkeel/contracts/route-table";
import { ROUTE_CHANGE } from "@evenkeel/contracts/traffic-rule";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { renderTable } from "../route/index.ts";
import { Fleet } from "../slot/testing.ts";

type Moves = readonly { host: string; cell: string | null }[];

let fleet: Fleet;

beforeAll(async () => {
  fleet = await Fleet.start(["h1", "h2", "h3", "h4"]);
  const definition = { start: "node server.js", health: { tcp: true }, routes: [{ host: "*", path: "/" }] };
  await fleet.release("1.0.0", { definition, hosts: ["h1", "h2", "h3"] });
  for (const cell of ["blue", "green"])
    await fleet.call("POST", "/cells", { workspace: "local", name: cell, zones: ["a"] });
  // Nobody serves it, whoever moves.
  await fleet.call("POST", "/cells", { workspace: "local", name: "far", zones: ["b"] });
});
afterAll(() => fleet.close());

const HOME: Moves = [
  { host: "h1", cell: "blue" },
  { host: "h2", cell: "blue" },
  { host: "h3", cell: "green" },
  { host: "h4", cell: null },
];
const BLUE_ONLY = [
  { cell: "blue", weight: 3 },
  { cell: "green", weight: 1 },
];

/** h1 and h2 are blue, h3 is green, h4 runs nothing; three of four users are blue. */
beforeEach(async () => {
  const { items } = await fleet.call("GET", "/hosts");
  const cellOf = new Map((items as { name: string; cell: string | null }[]).map(({ name, cell }) => [name, cell]));
  const hosts = HOME.filter(({ host, cell }) => cellOf.get(host) !== cell);
  if (hosts.length > 0) await carryOut({ hosts, cells: BLUE_ONLY });
});

async function carryOut(spec: object): Promise<Change> {
  const { id } = await fleet.create(ROUTE_CHANGE, spec);
  await fleet.start(id);
  return await fleet.waitFor(id, "succeeded");
}
async function planOf(spec: object): Promise<Plan> {
  return (await fleet.call("POST", "/changes/plan", { kind: ROUTE_CHANGE, spec })).plan;
}
async function table(): Promise<RouteTable> {
  const { id } = await fleet.db.selectFrom("workspace").select("id").executeTakeFirstOrThrow();
  return await renderTable(fleet.db, id);
}
/** The hosts whose instances serve a cell by themselves, as gateways are told. */
async function standIn(cell: string): Promise<(string | undefined)[]> {
  const { subsets = [] } = (await table()).services[0] ?? {};
  const instances = subsets.find(({ name }) => name === `cell ${cell}`)?.instances ?? [];
  return instances.map((key) => fleet.hosts.find(({ hostId }) => key.includes(hostId))?.name).toSorted();
}
const idOf = (name: string) => fleet.hosts.find((host) => host.name === name)?.hostId;

test("a host moves by a change that tells whom it serves then, and its rollback brings it back", async () => {
  const spec = { hosts: [{ host: "h2", cell: "green" }] };
  const plan = await planOf(spec);
  expect(plan).toMatchObject({
    title: "traffic: hosts h2 → green",
    applications: [{ name: "shop" }],
    differences: [
      { field: "cell of h2", from: "blue", to: "green" },
      { field: "who serves users in blue", from: "h1 1.0.0, h2 1.0.0", to: "h1 1.0.0", group: "shop" },
      { field: "who serves users in green", from: "h3 1.0.0", to: "h2 1.0.0, h3 1.0.0", group: "shop" },
      // Half of what either of them gets, whatever its weight.
      { field: "who moves", to: "of all 0 requests in the last minute: 50 % (about 0) to other instances" },
    ],
  });
  const before = await table();
  const change = await carryOut(spec);
  expect((await table()).version).toBe(before.version + 1);
  expect([await standIn("blue"), await standIn("green")]).toEqual([["h1"], ["h2", "h3"]]);
  const undo = await fleet.call("POST", `/changes/${change.id}/rollback`, { speed: "fast", reason: "back" });
  await fleet.start(undo.id);
  await fleet.waitFor(undo.id, "succeeded");
  expect([await standIn("blue"), await standIn("green")]).toEqual([["h1", "h2"], ["h3"]]);
});

test("guards compare instances on hosts that move with the others of their service", async () => {
  const { targets } = await planOf({ hosts: [{ host: "h2", cell: "green" }] });
  const watched = targets[0]?.watched?.map(({ name, gains }) => [name, gains]) ?? [];
  expect(watched.toSorted()).toEqual([
    ["h1", false],
    ["h2", true],
    ["h3", false],
  ]);
});

test("a move that leaves users of a cell with nobody is refused, unless others come with the same change or it is consented to", async () => {
  const away = { host: "h3", cell: "blue" };
  const refused = { code: "CELL_LEFT_EMPTY", message: expect.stringMatching(/"cell":"green".*"service":"shop"/) };
  await expect(planOf({ hosts: [away] })).rejects.toMatchObject(refused);
  await expect(planOf({ hosts: [away], cells: [{ cell: "green", weight: 0 }] })).resolves.toMatchObject({
    warnings: expect.arrayContaining(["users in green would find nobody of shop: they are answered 503"]),
  });
  await carryOut({ hosts: [away, { host: "h1", cell: "green" }] });
  expect([await standIn("blue"), await standIn("green")]).toEqual([["h2", "h3"], ["h1"]]);
  const { id } = await fleet.create(ROUTE_CHANGE, { hosts: [{ host: "h1", cell: "blue" }], allowGap: true });
  await fleet.start(id);
  await fleet.waitFor(id, "succeeded");
  // The way there was consented to; the way back asks for nothing.
  const filled = await carryOut({ hosts: [{ host: "h1", cell: "green" }] });
  const undo = await fleet.call("POST", `/changes/${filled.id}/rollback`, { speed: "fast", reason: "back" });
  await fleet.start(undo.id);
  await fleet.waitFor(undo.id, "succeeded");
  expect(await standIn("green")).toEqual([]);
});

test("rules that send to a cell are named where they meet other instances then", async () => {
  const send = { to: [{ to: { cell: "green" } }] };
  await carryOut({ put: [{ name: "trial", service: "shop", match: [{ header: "x-trial", present: true }], send }] });
  const { warnings } = await planOf({ hosts: [{ host: "h2", cell: "green" }] });
  expect(warnings).toContain("what rules send to green meets other instances of shop: trial");
  await carryOut({ remove: ["trial"] });
});

test("a host that runs nothing moves in the same way, and nobody with it", async () => {
  const plan = await planOf({ hosts: [{ host: "h4", cell: "green" }] });
  expect(plan.differences).toEqual([{ field: "cell of h4", from: null, to: "green" }]);
  expect(plan.applications).toEqual([]);
  await carryOut({ hosts: [{ host: "h4", cell: "green" }] });
  expect(await fleet.call("GET", `/hosts/${idOf("h4")}`)).toMatchObject({ cell: "green" });
});

test("a cell is never edited past the change: the refusal names it, and what a host is called by is edited beside it", async () => {
  const edit = (body: object) => fleet.call("PATCH", `/hosts/${idOf("h1")}`, body);
  const { version } = await table();
  await expect(edit({ cell: "green" })).rejects.toMatchObject({
    ...{ code: "HOST_CELL_MOVES_USERS", message: expect.stringContaining("evenkeel host move h1 --cell green") },
  });
  await expect(edit({ cell: null })).rejects.toMatchObject({ code: "HOST_CELL_MOVES_USERS" });
  expect(await edit({ cell: "blue", labels: { rack: "r1" } })).toMatchObject({ cell: "blue", labels: { rack: "r1" } });
  expect((await table()).version).toBe(version);
});

test("while it is under way nothing is released to the host and no cell is switched; a plan made before does not begin after", async () => {
  const late = await fleet.create(ROUTE_CHANGE, { hosts: [{ host: "h2", cell: null }] });
  const strategy = { bakeSeconds: 3600 };
  const { id } = await fleet.create(ROUTE_CHANGE, { hosts: [{ host: "h2", cell: "green" }], strategy });
  const release = await fleet.planRelease("2.0.0", { hosts: ["h2"] });
  await fleet.start(id);
  await fleet.waitFor(id, "running");
  await expect(fleet.start(release.id)).rejects.toMatchObject({ code: "LOCK_HELD" });
  const cells = [{ cell: "blue", weight: 1 }];
  await expect(fleet.create(ROUTE_CHANGE, { cells }).then(({ id }) => fleet.start(id))).rejects.toMatchObject({
    code: "LOCK_HELD",
  });
  await fleet.call("POST", `/changes/${id}/rollback`, { speed: "fast", reason: "back at once" });
  await fleet.waitFor(id, "rolled-back");
  expect(await standIn("blue")).toEqual(["h1", "h2"]);
  await expect(fleet.start(late.id)).rejects.toMatchObject({ code: "PLAN_BASIS_MOVED" });
  await expect(fleet.start(release.id)).rejects.toMatchObject({ code: "PLAN_BASIS_MOVED" });
});

test.each<[string, Moves, string]>([
  ["a host that is none", [{ host: "h9", cell: "blue" }], "NOT_FOUND"],
  ["a cell that is none", [{ host: "h1", cell: "red" }], "CELL_UNFIT"],
  [
    "a host in two cells",
    [
      { host: "h1", cell: "green" },
      { host: "h1", cell: "blue" },
    ],
    "INPUT_INVALID",
  ],
  ["a host that is there already", [{ host: "h1", cell: "blue" }], "TRAFFIC_ALREADY_SO"],
  ["nobody", [], "INPUT_INVALID"],
])("%s is refused, and everything stays", async (_, hosts, code) => {
  const { version } = await table();
  await expect(fleet.create(ROUTE_CHANGE, { hosts })).rejects.toMatchObject({ code });
  expect((await table()).version).toBe(version);
});

// A service of its own, without routes: the others do not meet it.
test("what runs of a service that is for hosts of a cell follows a move with its next release, and the plan says so", async () => {
  const definition = { start: "node worker.js", health: { tcp: true }, hosts: { cells: ["blue"] } };
  const release = (version: string) => fleet.release(version, { service: "worker", definition });
  await release("1.0.1");
  const { items } = await fleet.call("GET", "/services?name=worker");
  const standing = async () => {
    const { items: instances } = await fleet.call("GET", `/services/${items[0].id}/instances`);
    const running = (instances as { hostName: string; state: string }[]).filter(({ state }) => state !== "stopped");
    return [...new Set(running.map(({ hostName }) => hostName))];
  };
  expect(await standing()).toEqual(["h1", "h2"]);
  const hosts = [
    { host: "h2", cell: "green" },
    { host: "h4", cell: "blue" },
  ];
  const late = [
    "worker is for hosts in blue: what runs of it on h2 stays there until its next release",
    "worker is for hosts in blue: it comes to h4 with its next release",
  ];
  expect((await planOf({ hosts })).warnings).toEqual(expect.arrayContaining(late));
  await carryOut({ hosts });
  expect(await standing()).toEqual(["h1", "h2"]);
  await release("1.0.2");
  expect(await standing()).toEqual(["h1", "h4"]);
});
