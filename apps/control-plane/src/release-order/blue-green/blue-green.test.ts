import { BlueGreen } from "@evenkeel/contracts/blue-green";
import type { Plan } from "@evenkeel/contracts/change-plan";
import { CellId, ChangeId, newId, ServiceId } from "@evenkeel/contracts/id";
import { ReleaseOrderSpec } from "@evenkeel/contracts/release-order";
import { instanceKey } from "@evenkeel/contracts/route-table";
import { SetTrafficRule } from "@evenkeel/contracts/traffic-rule";
import type { Cell } from "@evenkeel/contracts/workspace";
import { describe, expect, test } from "vitest";
import type { RollbackRequest, TouchedTarget } from "../../change/index.ts";
import type { Serving } from "../../route/plan/index.ts";
import { inverseOfRelease } from "../inverse.ts";
import { reviewRelease } from "../review.ts";
import {
  definition,
  empty,
  everywhere,
  HOSTS,
  named,
  planned,
  refused,
  releaseOf,
  running,
  spec,
  wayBack,
} from "../testing.ts";
import type { OrderWorld, World } from "../world.ts";

const cell = (name: string, more: Partial<Cell> = {}): Cell => ({
  ...{ id: newId(CellId, "cel"), workspaceId: everywhere.workspace.id, name, zones: ["a", "b"], type: "unit" as const },
  ...{ colour: null, gray: false, failOver: null, weight: 0, away: false, version: 1 },
  ...{ createdAt: "2026-01-01T00:00:00.000Z", ...more },
});
const CELLS = [cell("blue", { weight: 100 }), cell("green")];
const placed = HOSTS.map((host, index) => ({ ...host, cell: index < 2 ? "blue" : "green" }));
/** 1.0.0 in both cells, and all users in blue. */
const pair: World = { ...running(placed.map((host) => ({ host }))), hosts: placed };
const within = (more: Partial<OrderWorld> = {}, ...releases: World[]): OrderWorld => ({
  ...{ workspaceId: pair.workspace.id, releases: releases.length === 0 ? [pair] : releases },
  ...{ cells: CELLS, serving: [], ...more },
});
const order = (blueGreen: object = {}, more: object = {}) => spec({ blueGreen, ...more });
const groupsIn = ({ groups }: Plan) =>
  groups.map(({ name, after, batches }) => [
    name,
    after.join(),
    batches
      .map(({ targetIds, gate, bakeMs }) => `${targetIds.join("+")}${gate === null ? "" : "!"}@${bakeMs / 1000}`)
      .join(" "),
  ]);
const writesIn = ({ targets }: Plan) =>
  targets.flatMap(({ name, steps }) =>
    steps.flatMap(({ type, input }) => {
      const { put, remove, cells } = input as { put: { definition: { name: string } }[]; remove: []; cells: Cell[] };
      const weights =
        type === "set-rules" && Object.fromEntries(cells.map((one) => [Reflect.get(one, "cell"), one.weight]));
      return type === "set-rules" ? [[name, put.map(({ definition }) => definition.name), remove, weights]] : [];
    }),
  );

describe("the plan of a blue-green release", () => {
  test("goes to the idle cell alone, then users follow by steps, then the other cell is kept", () => {
    const plan = planned(order({ keepOldSeconds: 300 }, { strategy: { batches: "each", bakeSeconds: 5 } }), within());
    expect(groupsIn(plan)).toEqual([
      ["shop", "", "local-3@5 local-4@5"],
      ["switch to green", "shop", "green 10 %@5 green 50 %@5"],
      ["keep blue", "switch to green", "green 100 %@300"],
    ]);
    expect(writesIn(plan)).toEqual([
      ["green 10 %", [], [], { blue: 9000, green: 1000 }],
      ["green 50 %", [], [], { blue: 5000, green: 5000 }],
      ["green 100 %", [], [], { blue: 0, green: 100 }],
    ]);
    expect(plan.title).toBe("shop: release 2.0.0, from blue to green");
    expect(plan.locks.map(({ label }) => label)).toContain("cells of local");
    expect(plan.locks.map(({ label }) => label)).not.toContain("rules of shop");
    expect(plan.basis).toContainEqual(
      expect.objectContaining({ resource: "cells", version: "blue 100 here unit a+b, green 0 here unit a+b" }),
    );
  });

  test("a trial reaches the idle cell before anybody is switched to it, and ends with the last step", () => {
    const trial = { match: [{ header: "x-trial", present: true }], percent: 5 };
    const plan = planned(order({ trial }), within());
    expect(groupsIn(plan).map(([name]) => name)).toEqual(["shop", "trial in green", "switch to green", "keep blue"]);
    expect(writesIn(plan)[0]).toEqual(["trial in green", ["trial-shop"], [], { blue: 9500, green: 500 }]);
    expect(writesIn(plan).at(-1)).toEqual(["green 100 %", [], ["trial-shop"], { blue: 0, green: 100 }]);
    expect(plan.locks.map(({ label }) => label)).toContain("rules of shop");
  });

  test.each([
    ["first", "local-3 local-4", "trial in green", "green 10 %! green 50 %", "green 100 %"],
    ["each", "local-3 local-4!", "trial in green!", "green 10 %! green 50 %!", "green 100 %!"],
    ["none", "local-3 local-4", "trial in green", "green 10 %", "green 100 %"],
  ])("confirmed %s, a person stands before users move", (confirm, ...expected) => {
    const steps = confirm === "none" ? [10, 100] : [10, 50, 100];
    const blueGreen = { trial: { percent: 1 }, steps };
    const plan = planned(order(blueGreen, { strategy: { batches: "each", confirm } }), within());
    expect(groupsIn(plan).map(([, , batches]) => batches?.replaceAll(/@\d+/g, ""))).toEqual(expected);
  });

  test("with one step alone the first confirmation stands before it", () => {
    const plan = planned(order({ steps: [100] }, { strategy: { confirm: "first" } }), within());
    expect(groupsIn(plan).at(-1)).toEqual(["keep blue", "shop", "green 100 %!@600"]);
  });

  test("a host may be lost where the strategy allows it, a step by which users move may not", () => {
    const { groups } = planned(order({}, { strategy: { budget: { failures: 1, action: "rollback" } } }), within());
    expect(groups.map(({ strategy }) => strategy.budget.failures)).toEqual([1, 0, 0]);
    expect(groups.every(({ strategy }) => strategy.budget.action === "rollback")).toBe(true);
  });

  test("guards look at the idle cell, which gets more, against the one that users leave", () => {
    const { targets } = planned(order(), within());
    const watched = targets.find(({ name }) => name === "green 10 %")?.watched?.map(({ name, gains }) => [name, gains]);
    expect(watched).toEqual([
      ["local-3", true],
      ["local-4", true],
      ["local-1", false],
      ["local-2", false],
    ]);
  });

  test("several services are released before the one switch of them all", () => {
    const order = ReleaseOrderSpec.parse({
      releases: [releaseOf("db"), releaseOf("web", { after: ["db"] })],
      blueGreen: { steps: [100], trial: { match: [{ header: "x-trial", present: true }] } },
    });
    const plan = planned(order, within({}, named("db", pair), named("web", pair)));
    expect(groupsIn(plan).map(([name, after]) => [name, after])).toEqual([
      ["db", ""],
      ["web", "db"],
      ["trial in green", "web"],
      ["keep blue", "trial in green"],
    ]);
    expect(writesIn(plan)[0]?.[1]).toEqual(["trial-db", "trial-web"]);
  });

  test("a first release goes to the idle cell, too, and users find it there", () => {
    const plan = planned(order({ steps: [100] }), within({}, { ...empty, hosts: placed }));
    expect(groupsIn(plan).map(([name]) => name)).toEqual(["shop", "keep blue"]);
    expect(writesIn(plan)).toEqual([["green 100 %", [], [], { blue: 0, green: 100 }]]);
  });

  test("hosts of the idle cell that are replaced in place leave no route without an instance", () => {
    const inPlace = order({}, { definition: definition({ replace: "in-place" }) });
    expect(reviewRelease(planned(inPlace, within()))).toBeNull();
  });

  const serving = (service: string, ...hosts: number[]): Serving[] => {
    const serviceId = newId(ServiceId, "svc");
    return hosts.map((index) => {
      const host = placed[index]!;
      const version = index < 2 ? "3.0.0" : "2.9.0";
      return {
        serviceId,
        service,
        instance: instanceKey(serviceId, host.id, "a"),
        hostId: host.id,
        version,
        zone: host.zone,
      };
    });
  };

  test("who uses another service meets what runs of it in the idle cell: the plan says so, and refuses where nothing does", () => {
    const both = planned(order(), within({ serving: serving("cart", 0, 2) }));
    expect(both.warnings).toEqual(["cart serves 3.0.0 in blue and 2.9.0 in green"]);
    expect(refused(order(), within({ serving: serving("cart", 0, 1) }))).toBe("CELL_UNFIT");
    const failOver = CELLS.map((one) => (one.name === "green" ? { ...one, failOver: "blue" } : one));
    expect(refused(order(), within({ serving: serving("cart", 0, 1), cells: failOver }))).toBe("planned");
  });

  test("fewer instances than carried all users so far are told of", () => {
    const hosts = placed.map((host, index) => ({ ...host, cell: index < 3 ? "blue" : "green" }));
    const plan = planned(order(), within({}, { ...pair, hosts }));
    expect(plan.warnings).toEqual(["green has 1 instances of shop for what 3 do in blue"]);
  });
});

const blocking = SetTrafficRule.parse({ name: "all", service: "shop", send: { to: [{ to: {} }] } });
const trial = { match: [{ header: "x", present: true }] };
test.each<[string, ReleaseOrderSpec, OrderWorld, string, string]>([
  ["no cells", order(), within({ cells: [] }), "CELL_UNFIT", "there is none"],
  ["one cell", order(), within({ cells: CELLS.slice(0, 1) }), "CELL_UNFIT", "there is blue"],
  [
    "a second cell that is gray",
    order(),
    within({ cells: [CELLS[0]!, cell("g", { gray: true })] }),
    "CELL_UNFIT",
    "there is blue",
  ],
  ["no weight", order(), within({ cells: [cell("blue"), cell("green")] }), "CELL_UNFIT", "no cell has a weight"],
  [
    "two weights",
    order(),
    within({ cells: [CELLS[0]!, cell("green", { weight: 1 })] }),
    "CELL_UNFIT",
    "share the users",
  ],
  ["two idle cells", order(), within({ cells: [...CELLS, cell("red")] }), "CELL_UNFIT", "green, red"],
  ["an unknown cell", order({ idle: "red" }), within(), "CELL_UNFIT", "there is no cell red"],
  ["the cell of the users", order({ idle: "blue" }), within(), "CELL_UNFIT", "not idle"],
  [
    "a cell that was sent away",
    order({ idle: "green" }),
    within({ cells: [CELLS[0]!, cell("green", { away: true })] }),
    "CELL_UNFIT",
    "sent away",
  ],
  ["a cell without hosts", order(), within({}, everywhere), "CELL_UNFIT", "no host stands in green"],
  ["hosts of one's own", order({}, { hosts: ["local-1"] }), within(), "STRATEGY_UNFIT", "leave out `hosts`"],
  ["shares by version, too", order({}, { gray: {} }), within(), "STRATEGY_UNFIT", "gray"],
  ["a zone", order({}, { strategy: { zone: "a" } }), within(), "STRATEGY_UNFIT", "leave out `zone`"],
  [
    "a gate before traffic",
    order({}, { strategy: { gate: "traffic" } }),
    within(),
    "STRATEGY_UNFIT",
    "leave out `gate`",
  ],
  [
    "going on without the lost",
    order({}, { strategy: { budget: { action: "continue" } } }),
    within(),
    "STRATEGY_UNFIT",
    "lost",
  ],
  [
    "a rule in the way of the trial",
    order({ trial }),
    within({}, { ...pair, rules: [blocking] }),
    "RULE_NEVER_MATCHES",
    "",
  ],
])("%s: refused", (...[, wanted, world, code, said]) => {
  const { refused: found, facts } = refusalOf(wanted, world);
  expect(found).toBe(code);
  expect(JSON.stringify(facts)).toContain(said);
});

function refusalOf(wanted: ReleaseOrderSpec, world: OrderWorld) {
  try {
    planned(wanted, world);
  } catch (error) {
    const [, found = "", facts = ""] = /^refused: (\w+) (.*)$/.exec((error as Error).message) ?? [];
    return { refused: found, facts };
  }
  return { refused: "planned", facts: "" };
}

test.each([
  ["steps that do not end with all", { steps: [10, 50] }, "end with 100"],
  ["steps that shrink", { steps: [50, 10, 100] }, "grow"],
  ["a first step within the sample", { trial: { percent: 10 }, steps: [10, 100] }, "grow"],
  ["a trial of nobody", { trial: {} }, "tries nothing"],
  ["to be kept for weeks", { keepOldSeconds: 1e6 }, "86400"],
])("%s: not taken", (_, given, said) => {
  expect(JSON.stringify(BlueGreen.safeParse(given).error?.issues)).toContain(said);
});

describe("its way back", () => {
  const request: RollbackRequest = {
    changeId: newId(ChangeId, "chg"),
    speed: "follow",
    strategy: null,
    toRevision: null,
  };
  const plan = planned(order({ trial }), within());
  const touched = (...names: string[]): TouchedTarget[] =>
    plan.targets
      .filter(({ name }) => names.includes(name))
      .map((one) => ({ ...one, state: "succeeded", currentFacts: {} }));
  const switched = touched("local-3", "local-4", "trial in green", "green 10 %");

  test("brings users back before anything else, then the hosts of the idle cell", () => {
    const back = wayBack(plan, switched, request);
    const cells = [cell("blue", { weight: 9000 }), cell("green", { weight: 1000 })];
    const { opening, targets, locks, irreversible } = planned(back, within({ cells }));
    expect(opening[0]?.name).toBe("users-back");
    const weights = [
      { cell: "blue", weight: 100, away: false },
      { cell: "green", weight: 0, away: false },
    ];
    expect(opening[0]?.input.cells).toEqual(weights);
    expect(targets.map(({ name }) => name)).toEqual(["local-3", "local-4"]);
    const held = new Set(plan.locks.map(({ resource }) => resource));
    expect(locks.filter(({ mode, resource }) => mode === "exclusive" && !held.has(resource))).toEqual([]);
    expect(irreversible).not.toBeNull();
  });

  test("moves no users who were not moved", () => {
    expect(wayBack(plan, touched("local-3"), request)).not.toHaveProperty("weights");
  });

  test("goes to what runs in the other cell, to no revision of one's choice, and not forth again", () => {
    const problems = [
      inverseOfRelease(plan, switched, { ...request, toRevision: pair.service?.revisionId ?? null }),
      inverseOfRelease(planned(wayBack(plan, switched, request), within()), [], request),
    ];
    expect(problems).toMatchObject([{ refused: "NO_INVERSE" }, { refused: "NO_INVERSE" }]);
  });
});
