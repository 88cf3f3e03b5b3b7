import { isRefusal } from "@evenkeel/contracts/error";
import { ModuleOperationSpec } from "@evenkeel/contracts/module-operation";
import { expect, test } from "vitest";
import { freeze } from "../change/index.ts";
import type { PlacementWorld } from "../placement/plan/index.ts";
import { baseOf, clusterOf, placed, uploaded, worldOf } from "../placement/testing.ts";
import { inverseOfModuleOperation } from "./inverse.ts";
import { locksOfModuleOperation, planModuleOperation } from "./plan.ts";

const [front, back, warm] = [clusterOf("front"), clusterOf("back"), clusterOf("warm", { buffer: true })];
const bundles = ["prices 1.0.0", "prices 2.0.0", "orders 1.0.0"].map((words) => uploaded(words));
const one = baseOf("local-1", front, ["prices 1.0.0 published"]);
const two = baseOf("local-2", front, ["prices 1.0.0 published", "prices 2.0.0"]);
const three = baseOf("local-3", front, []);
const lent = { ...baseOf("local-4", front, ["prices 1.0.0 published"]), cameFrom: warm.id };
const spare = baseOf("local-5", warm, []);

const world = (given: Partial<PlacementWorld>): PlacementWorld =>
  worldOf({ clusters: [front, back, warm], bundles, ...given });
const specOf = (operation: string, more: object) => ModuleOperationSpec.parse({ operation, ...more });
const inFront = { cluster: "front", module: "prices" };

function plan(spec: ModuleOperationSpec, given: PlacementWorld) {
  const draft = planModuleOperation(spec, given);
  if (isRefusal(draft)) throw new Error(`${draft.refused} ${JSON.stringify(draft.facts)}`);
  return freeze("module-operation", draft, locksOfModuleOperation(spec, given));
}

const shown = (spec: ModuleOperationSpec, given: PlacementWorld) =>
  plan(spec, given).targets.map(({ name, steps }) => `${name}: ${steps.map((step) => step.name).join(", ")}`);

test.each<[operation: string, more: object, steps: string[]]>([
  ["unpublish", {}, ["shop@local-1: unpublish prices@1.0.0"]],
  ["deactivate", {}, ["shop@local-1: deactivate prices@1.0.0"]],
  ["uninstall", {}, ["shop@local-1: uninstall prices@1.0.0"]],
  ["publish", { tags: { gray: "10" } }, ["shop@local-1: publish prices@1.0.0"]],
])("%s touches the bases that hold the module", (operation, more, steps) => {
  expect(shown(specOf(operation, { ...inFront, ...more }), world({ bases: [one, three] }))).toEqual(steps);
});

test("where several versions stand one is named", () => {
  const given = world({ bases: [two] });
  expect(planModuleOperation(specOf("unpublish", inFront), given)).toMatchObject({
    refused: "MODULE_VERSION_UNCLEAR",
    facts: { versions: "1.0.0, 2.0.0" },
  });
  expect(shown(specOf("publish", { ...inFront, version: "2.0.0" }), given)).toEqual([
    "shop@local-2: publish prices@2.0.0",
  ]);
});

test("a base that moves is emptied, assigned and given what stands on all bases of the other cluster, and is nobody else's meanwhile", () => {
  const placements = new Map([
    [front.id, [placed("prices", "1.0.0", [one.id, two.id])]],
    [back.id, [placed("orders", "1.0.0"), placed("prices", "2.0.0", [three.id])]],
  ]);
  const given = world({ bases: [one, two], placements });
  const spec = specOf("move", { bases: ["shop@local-1"], to: "back" });
  expect(shown(spec, given)).toEqual(["shop@local-1: clear-base, assign-base, install orders@1.0.0"]);
  const made = plan(spec, given);
  expect(made.closing[0]?.input).toMatchObject({ clusters: [{ placements: [{ module: "prices", bases: [two.id] }] }] });
  expect(made.locks.map(({ mode, label }) => `${mode} ${label}`)).toContain("exclusive base shop@local-1");
  const touched = made.targets.map((target) => ({ ...target, state: "succeeded" as const, currentFacts: {} }));
  const request = { changeId: "chg_x" as never, speed: "fast" as const, strategy: null, toRevision: null };
  const undo = inverseOfModuleOperation(made, touched, request);
  if (isRefusal(undo)) throw new Error(undo.refused);
  const moved = { ...baseOf("local-1", back, ["orders 1.0.0 published"]), id: one.id };
  expect(shown(undo, world({ bases: [moved, two], placements }))).toEqual([
    "shop@local-1: clear-base, assign-base, install prices@1.0.0",
  ]);
});

test("a base that serves leaves the routes before it is emptied, and comes back after", () => {
  const upstream = {
    ...{ instance: "x" as never, serviceId: one.serviceId, hostId: one.hostId, letter: "a" as const, weight: 100 },
    ...{ revisionId: "rev_x" as never, version: "1.0.0", zone: "a", address: "127.0.0.1", port: 1 },
    ...{ state: "attached" as const, healthy: true, stateVersion: 1 },
  };
  const given = world({ bases: [one], upstreams: new Map([[one.serviceId, [upstream]]]) });
  const spec = specOf("move", { bases: ["shop@local-1"], to: "back" });
  expect(shown(spec, given)).toEqual([
    "shop@local-1: detach, await-drained, clear-base, assign-base, introduce, shift-traffic",
  ]);
  expect(plan(spec, given).warnings).toEqual([expect.stringContaining("no instance of shop is left in the routes")]);
});

test("a base that a move left on its way gets its cluster, its lender and its requests back, and who skips it may give it these", () => {
  const upstream = { serviceId: lent.serviceId, hostId: lent.hostId, letter: "a", state: "attached", weight: 100 };
  const spec = specOf("move", { bases: ["shop@local-4"], to: "back" });
  const made = plan(spec, world({ bases: [lent], upstreams: new Map([[lent.serviceId, [upstream as never]]]) }));
  expect(made.targets[0]?.reattach.map(({ type }) => type)).toEqual(["re-attach"]);
  const touched = made.targets.map((target) => ({ ...target, state: "failed" as const, currentFacts: {} }));
  const request = { changeId: "chg_x" as never, speed: "fast" as const, strategy: null, toRevision: null };
  const undo = inverseOfModuleOperation(made, touched, request);
  if (isRefusal(undo)) throw new Error(undo.refused);
  // It failed in the other cluster, out of the routes; or before it was anything but out of the routes.
  const there = { ...lent, ...baseOf("local-4", back, []), id: lent.id, hostId: lent.hostId };
  expect(shown(undo, world({ bases: [there] }))).toEqual([
    "shop@local-4: clear-base, assign-base, install prices@1.0.0, re-attach",
  ]);
  const [target] = plan(undo, world({ bases: [there] })).targets;
  expect(target?.steps.map(({ input }) => input)).toMatchObject([{}, { cameFrom: warm.id }, {}, { waits: true }]);
  expect(shown(undo, world({ bases: [lent] }))).toEqual(["shop@local-4: re-attach"]);
});

test("scaling out takes the least loaded of the cluster, then the buffer; scaling in gives back what was lent, first of all", () => {
  const placements = new Map([[front.id, [placed("prices", "1.0.0", [one.id])]]]);
  const given = world({ bases: [one, three, spare], placements });
  const scale = (bases: number, where = given) => shown(specOf("scale", { ...inFront, bases }), where);
  expect(scale(2)).toEqual(["shop@local-3: install prices@1.0.0"]);
  expect(scale(3)).toEqual([
    "shop@local-3: install prices@1.0.0",
    "shop@local-5: clear-base, assign-base, install prices@1.0.0",
  ]);
  expect(planModuleOperation(specOf("scale", { ...inFront, bases: 4 }), given)).toMatchObject({
    refused: "BASES_NONE",
  });
  const grown = world({
    bases: [one, lent],
    placements: new Map([[front.id, [placed("prices", "1.0.0", [one.id, lent.id])]]]),
  });
  expect(scale(1, grown)).toEqual(["shop@local-4: clear-base, assign-base"]);
  expect(plan(specOf("scale", { ...inFront, bases: 1 }), grown).closing[0]?.input).toMatchObject({
    clusters: [{ placements: [{ bases: [one.id] }] }],
  });
});

test("a base that gives a module up, while others go on answering for it, leaves the routes meanwhile, and is its change's alone", () => {
  const upstream = { serviceId: three.serviceId, hostId: three.hostId, letter: "a", state: "attached", weight: 100 };
  const placements = new Map([[front.id, [placed("prices", "1.0.0")]]]);
  const other = { ...three, report: one.report };
  const given = world({ bases: [one, other], placements, upstreams: new Map([[one.serviceId, [upstream as never]]]) });
  const scale = (bases: number) => specOf("scale", { ...inFront, bases });
  const leaving = shown(scale(1), given);
  expect(leaving).toEqual(["shop@local-3: detach, await-drained, uninstall prices@1.0.0, introduce, shift-traffic"]);
  const locks = locksOfModuleOperation(scale(1), given) as { resource: string; mode: string }[];
  expect(locks).toContainEqual(expect.objectContaining({ resource: `base/${three.id}`, mode: "exclusive" }));
});

test("rules of a cluster go to all its bases, and back to those of before", () => {
  const rules = [{ on: { kind: "route", name: "/prices" }, to: [{ version: "1.0.0" }] }];
  const made = plan(specOf("split", { cluster: "front", rules }), world({ bases: [one, three] }));
  expect(made.targets.map(({ from, to }) => [from, to])).toEqual([
    [null, null],
    [null, null],
  ]);
  expect(made.differences).toEqual([
    { field: "route /prices", from: "all → 100 % to the newest version", to: "all → 100 % to 1.0.0" },
  ]);
  expect(made.targets.map(({ steps }) => steps[0]?.input.businesses)).toEqual([null, null]);
  const touched = made.targets.map((target) => ({ ...target, state: "succeeded" as const, currentFacts: {} }));
  const request = { changeId: "chg_x" as never, speed: "fast" as const, strategy: null, toRevision: null };
  expect(inverseOfModuleOperation(made, touched, request)).toMatchObject({ operation: "split", rules: [] });
});

test.each<[what: string, spec: ModuleOperationSpec, code: string]>([
  ["a base that is none", specOf("move", { bases: ["shop@moon"], to: "back" }), "NOT_FOUND"],
  ["a cluster that is none", specOf("move", { bases: ["shop@local-1"], to: "moon" }), "NOT_FOUND"],
  ["a base that is there", specOf("move", { bases: ["shop@local-1"], to: "front" }), "BASE_THERE"],
  ["a module that nobody holds", specOf("publish", { cluster: "front", module: "none" }), "BASES_NONE"],
  ["a module that is not placed", specOf("scale", { ...inFront, bases: 2 }), "BASES_NONE"],
  ["a buffer that is none", specOf("scale", { ...inFront, bases: 2, buffer: "back" }), "BASES_NONE"],
  ["what is so already", specOf("activate", inFront), "MODULES_SO"],
])("%s is refused with its code", (_, spec, code) => {
  const draft = planModuleOperation(spec, world({ bases: [one] }));
  expect(isRefusal(draft) ? draft.refused : "planned").toBe(code);
});

test("what is published once more is the newest for bases that come later, too", () => {
  const both = baseOf("local-9", front, ["prices 1.0.0 published", "prices 2.0.0 published"]);
  const [first, second] = [placed("prices", "1.0.0"), placed("prices", "2.0.0")];
  const placement = { ...first, versions: [...first.versions, ...second.versions] };
  const there = worldOf({
    ...{ clusters: [front], bases: [both], placements: new Map([[front.id, [placement]]]) },
    bundles: [uploaded("prices 1.0.0"), uploaded("prices 2.0.0")],
  });
  const made = planModuleOperation(specOf("publish", { ...inFront, version: "1.0.0", tags: { gray: "1" } }), there);
  expect(isRefusal(made) ? made : made.closing[0]?.input).toMatchObject({
    clusters: [{ placements: [{ versions: [{ version: "2.0.0" }, { version: "1.0.0" }] }] }],
  });
});

test("a rollback makes that version the newest again which answered before", () => {
  const both = baseOf("local-9", front, ["prices 1.0.0 published", "prices 2.0.0 published"]);
  const withdrawn = plan(specOf("unpublish", { ...inFront, version: "1.0.0" }), world({ bases: [both] }));
  const touched = withdrawn.targets.map((target) => ({ ...target, state: "succeeded" as const, currentFacts: {} }));
  const request = { changeId: "chg_x" as never, speed: "fast" as const, strategy: null, toRevision: null };
  const back = inverseOfModuleOperation(withdrawn, touched, request);
  if (isRefusal(back)) throw new Error(back.refused);
  const after = baseOf("local-9", front, ["prices 1.0.0", "prices 2.0.0 published"]);
  expect(shown(back, world({ bases: [{ ...after, id: both.id }] }))).toEqual([
    "shop@local-9: publish prices@1.0.0, publish prices@2.0.0",
  ]);
  const later = plan(specOf("unpublish", { ...inFront, version: "2.0.0" }), world({ bases: [both] }));
  const other = inverseOfModuleOperation(later, touched, request);
  const without = baseOf("local-9", front, ["prices 1.0.0 published", "prices 2.0.0"]);
  expect(isRefusal(other) ? other : shown(other, world({ bases: [{ ...without, id: both.id }] }))).toEqual([
    "shop@local-9: publish prices@2.0.0",
  ]);
});
