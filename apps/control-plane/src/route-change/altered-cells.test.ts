import type { Change } from "@evenkeel/contracts/change";
import type { Plan } from "@evenkeel/contracts/change-plan";
import { Name } from "@evenkeel/contracts/id";
import type { RouteTable } from "@evenkeel/contracts/route-table";
import { ROUTE_CHANGE } from "@evenkeel/contracts/traffic-rule";
import type { Cell } from "@evenkeel/contracts/workspace";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { renderTable } from "../route/index.ts";
import { Fleet } from "../slot/testing.ts";

let fleet: Fleet;

/** As they are before each test; h1 and h2 are blue, h3 is green, and stands in the same zone as they do. */
const HOME = [
  { cell: "blue", zones: ["a"], type: "unit", gray: false, failOver: null, away: false, weight: 3 },
  { cell: "green", zones: ["a"], type: "unit", gray: false, failOver: null, away: false, weight: 1 },
];

beforeAll(async () => {
  fleet = await Fleet.start(["h1", "h2", "h3"]);
  const definition = { start: "node server.js", health: { tcp: true }, routes: [{ host: "*", path: "/" }] };
  await fleet.release("1.0.0", { definition, hosts: ["h1", "h2", "h3"] });
  for (const cell of ["blue", "green"])
    await fleet.call("POST", "/cells", { workspace: "local", name: cell, zones: ["a"] });
  const hosts = ["blue", "blue", "green"].map((cell, index) => ({ host: `h${index + 1}`, cell }));
  await carryOut({ hosts, cells: [{ cell: "blue", weight: 3 }, HOME[1]] });
});
afterAll(() => fleet.close());
beforeEach(async () => {
  if ((await cellNow("green")).version + (await cellNow("blue")).version > versions) await putHome();
});

let versions = 0;
async function putHome(): Promise<void> {
  await carryOut({ cells: HOME, allowGap: true }).catch((error: { code?: string }) => {
    if (error.code !== "TRAFFIC_ALREADY_SO") throw error;
  });
  versions = (await cellNow("green")).version + (await cellNow("blue")).version;
}

async function carryOut(spec: object): Promise<Change> {
  const { id } = await fleet.create(ROUTE_CHANGE, spec);
  await fleet.start(id);
  return await fleet.waitFor(id, "succeeded");
}
async function goBack({ id }: Pick<Change, "id">): Promise<void> {
  const undo = await fleet.call("POST", `/changes/${id}/rollback`, { speed: "fast", reason: "back" });
  await fleet.start(undo.id);
  await fleet.waitFor(undo.id, "succeeded");
}
async function planOf(spec: object): Promise<Plan> {
  return (await fleet.call("POST", "/changes/plan", { kind: ROUTE_CHANGE, spec })).plan;
}
async function table(): Promise<RouteTable> {
  const { id } = await fleet.db.selectFrom("workspace").select("id").executeTakeFirstOrThrow();
  return await renderTable(fleet.db, id);
}
async function cellNow(name: string): Promise<Cell> {
  const { items } = await fleet.call("GET", "/cells?workspace=local");
  return (items as Cell[]).find((cell) => cell.name === name) as Cell;
}
const chainOf = async (name: string) =>
  (await table()).services[0]?.home.cells.find(({ cell }) => cell === name)?.chain;

test("a fail-over cell comes by a change, which says who serves whom then, and goes back by its rollback", async () => {
  const cells = [{ cell: "blue", failOver: "green", zones: ["b"] }];
  const plan = await planOf({ cells });
  expect(plan.title).toContain("blue zones=b fail-over=green");
  expect(plan.differences).toEqual([
    { field: "zones of cell blue", from: "a", to: "b" },
    { field: "fail-over of cell blue", from: "none", to: "green" },
  ]);
  expect(plan.applications.map(({ name }) => name)).toEqual(["shop"]);
  const change = await carryOut({ cells });
  expect(await cellNow("blue")).toMatchObject({ failOver: "green", zones: ["b"], weight: 3, type: "unit" });
  expect(await chainOf("blue")).toEqual(["cell blue", "near blue", "cell green"]);
  const { version } = await cellNow("green");
  await goBack(change);
  expect(await cellNow("blue")).toMatchObject({ failOver: null, zones: ["a"], weight: 3 });
  expect(await cellNow("green")).toMatchObject({ version });
  expect(await chainOf("blue")).toEqual(["cell blue", "near blue"]);
});

test("a cell is sent away to what takes its traffic, with who will serve its users in the plan, and guards look at them", async () => {
  await carryOut({ cells: [{ cell: "blue", failOver: "green" }] });
  const plan = await planOf({ cells: [{ cell: "blue", away: true }] });
  expect(plan.differences).toEqual([
    { field: "cell blue", from: "served by itself", to: "away, served by green" },
    { group: "shop", field: "who serves users in blue", from: "h1 1.0.0, h2 1.0.0", to: "h3 1.0.0" },
    expect.objectContaining({ group: "shop", field: "who moves", to: expect.stringContaining("75 %") }),
  ]);
  const { watched = [] } = plan.targets[0] ?? {};
  expect(watched.map(({ name, gains }) => [name, gains]).toSorted()).toEqual([
    ["h1", false],
    ["h2", false],
    ["h3", true],
  ]);
  const change = await carryOut({ cells: [{ cell: "blue", away: true }] });
  expect(await chainOf("blue")).toEqual(["cell green"]);
  // Nobody else may leave it without the one that serves it.
  const unfit = { code: "CELL_UNFIT" };
  await expect(planOf({ cells: [{ cell: "blue", failOver: null }] })).rejects.toMatchObject(unfit);
  await goBack(change);
  expect(await chainOf("blue")).toEqual(["cell blue", "near blue", "cell green"]);
});

test("a shared cell serves the units of its zones, and one whose users would find nobody then is not altered without consent", async () => {
  await carryOut({ cells: [{ cell: "green", type: "shared", weight: 0 }], hosts: [{ host: "h1", cell: "green" }] });
  await carryOut({ hosts: [{ host: "h2", cell: "green" }] });
  const { differences } = await planOf({ cells: [{ cell: "blue", zones: ["a", "b"] }] });
  expect(differences.map(({ field }) => field)).toEqual(["zones of cell blue"]);
  const alone = { cells: [{ cell: "green", type: "unit" }] };
  const refused = { code: "CELL_LEFT_EMPTY", message: expect.stringContaining("blue") };
  await expect(planOf(alone)).rejects.toMatchObject(refused);
  await expect(planOf({ ...alone, allowGap: true })).resolves.toMatchObject({
    warnings: expect.arrayContaining(["users in blue would find nobody of shop: they are answered 503"]),
  });
  await carryOut({
    hosts: ["h1", "h2"].map((host) => ({ host, cell: "blue" })),
    cells: [{ cell: "green", type: "unit" }],
  });
});

test("a gray cell takes no share of the users, and has its weight when it is none any more", async () => {
  const change = await carryOut({ cells: [{ cell: "green", gray: true }] });
  const shares = async () => (await table()).entry?.cells.map(({ cell, basisPoints }) => `${cell} ${basisPoints}`);
  expect(await shares()).toEqual(["blue 10000"]);
  await goBack(change);
  expect(await shares()).toEqual(["blue 7500", "green 2500"]);
});

test.each<[string, object[], string]>([
  ["a zone that is none", [{ cell: "blue", zones: ["a", "z"] }], "z is not a zone of workspace local"],
  ["a zone twice", [{ cell: "blue", zones: ["a", "a"] }], "a is named twice"],
  ["a fail-over that is none", [{ cell: "blue", failOver: "red" }], "there is no cell red"],
  ["a fail-over to itself", [{ cell: "blue", failOver: "blue" }], "does not fail over to itself"],
  ["a share of a gray cell", [{ cell: "blue", gray: true, weight: 1 }], "blue is gray"],
  ["away with nobody", [{ cell: "blue", away: true }], "blue has no fail-over cell"],
  [
    "two that are away to each other",
    [
      { cell: "blue", away: true, failOver: "green" },
      { cell: "green", away: true, failOver: "blue" },
    ],
    "no fail-over cell",
  ],
])("%s is refused, and everything stays", async (_, cells, words) => {
  const { version } = await table();
  const refusal = { code: "CELL_UNFIT", message: expect.stringContaining(words) };
  await expect(fleet.create(ROUTE_CHANGE, { cells })).rejects.toMatchObject(refusal);
  expect((await table()).version).toBe(version);
});

test("what does not go by steps is refused with steps", async () => {
  const zones = { cells: [{ cell: "blue", zones: ["b"] }], steps: [50, 100] };
  await expect(planOf(zones)).rejects.toMatchObject({ code: "INPUT_INVALID" });
});

test("what a cell is, is never edited past the change; what it is called by is", async () => {
  const { id } = await cellNow("blue");
  const edit = (body: object) => fleet.call("PATCH", `/cells/${id}`, body);
  const { version } = await table();
  const refusal = { code: "CELL_MOVES_USERS", message: expect.stringContaining("evenkeel cell edit blue") };
  for (const body of [{ failOver: "green" }, { gray: true }, { zones: ["b"] }, { type: "shared" }, { weight: 9 }])
    await expect(edit(body)).rejects.toMatchObject(refusal);
  expect(await edit({ colour: "red", zones: ["a"], failOver: null })).toMatchObject({ colour: "red", zones: ["a"] });
  expect((await table()).version).toBe(version);
});

test("weights go back by a rollback beside a gray cell, which has the one that it had for later", async () => {
  await carryOut({ cells: [{ cell: "green", gray: true }] });
  await goBack(await carryOut({ cells: [{ cell: "blue", weight: 5 }] }));
  expect(await cellNow("blue")).toMatchObject({ weight: 3 });
  await goBack(await carryOut({ cells: [{ cell: "green", gray: false, weight: 7 }] }));
  expect(await cellNow("green")).toMatchObject({ gray: true, weight: 1 });
});

test("a cell that was away with nobody before stands in no other change's way", async () => {
  await fleet.db.updateTable("cell").set({ away: true }).where("name", "=", Name.parse("green")).execute();
  const match = [{ header: "x-tester", present: true }];
  await carryOut({ put: [{ name: "testers", service: "shop", match, send: { to: [{ to: { version: "1.0.0" } }] } }] });
  await carryOut({ remove: ["testers"] });
  await carryOut({ cells: [{ cell: "blue", weight: 4 }] });
  await carryOut({ cells: [{ cell: "green", away: false }] });
});
