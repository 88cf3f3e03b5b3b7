import { Strategy } from "@evenkeel/contracts/strategy";
import { expect, test } from "vitest";
import type { Draft } from "./kind.ts";
import { freeze } from "./plan.ts";
import { strategyRefusal } from "./strategy-fit.ts";

const draft = (strategy: object): Draft => ({
  title: "test",
  opening: [],
  closing: [],
  groups: [
    {
      groupId: "g",
      name: "g",
      after: [],
      strategy: Strategy.parse(strategy),
      targetIds: ["a-1", "a-2", "b-1", "b-2"],
    },
  ],
  targets: ["a-1", "a-2", "b-1", "b-2"].map((name) => ({
    targetId: name,
    name,
    hostId: null,
    zone: name.slice(0, 1),
    cell: "blue",
    slot: null,
    online: true,
    from: null,
    to: null,
    stage: [],
    steps: [],
    clean: [],
    reattach: [],
    facts: {},
  })),
  basis: [],
  differences: [],
  missing: [],
  warnings: [],
  irreversible: null,
  applications: [],
  fromRevisionId: null,
  toRevisionId: null,
  configurationDigest: null,
  expectedMs: null,
  payload: null,
});

const planned = (strategy: object) => freeze("test", draft(strategy), []);

test.each([
  [{ zone: "c" }, "zone: no host of this change stands in zone c"],
  [{ beta: ["a-1", "x-9"] }, "beta: x-9 is no host of this change"],
  [{ beta: ["b-1"], zone: "a" }, "beta: b-1 is no host of this change"],
  [{ order: [{ hosts: ["x-9"] }] }, "order: x-9 is no host of this change"],
  [{ confirm: [3], batches: { by: "zone" } }, "confirm: there is no batch 3 (there are zone a, zone b)"],
  [{ confirm: ["zone c"], batches: { by: "zone" } }, "confirm: there is no batch zone c (there are zone a, zone b)"],
  [{ beta: 3, cap: 2 }, "beta: 3 hosts are more than cap 2 lets into one batch"],
  [{ beta: ["a-1", "a-2"], maxCellPercent: 25 }, "beta: 2 hosts are more than maxCellPercent 25 lets into one batch"],
])("the strategy %j is refused: %s", (strategy, problem) => {
  expect(strategyRefusal(planned(strategy))).toEqual({ refused: "STRATEGY_UNFIT", facts: { problem } });
});

test.each([
  { zone: "a", beta: ["a-2"] },
  { beta: 2, cap: 2, maxCellPercent: 50 },
  { beta: 9 },
  { confirm: ["zone a", 2], batches: { by: "zone" } },
  { order: [{ zones: ["x", "b"] }] },
])("the strategy %j fits", (strategy) => {
  expect(strategyRefusal(planned(strategy))).toBeNull();
});

test("a release of a single zone plans its hosts alone and says how many it leaves", () => {
  const plan = planned({ zone: "b", batches: "each" });
  expect(plan.targets.map(({ name }) => name)).toEqual(["b-1", "b-2"]);
  expect(plan.groups[0]?.batches.map(({ targetIds }) => targetIds)).toEqual([["b-1"], ["b-2"]]);
  expect(plan.warnings).toEqual(["zone b only: 2 of 4 hosts stay as they are"]);
});

test("a guard for a batch that there is not is refused: nobody would ever be asked", () => {
  const asked = (nth: number) => ({
    batches: { count: 2 },
    guards: [{ kind: "http", url: "http://checks.example", at: { nth } }],
  });
  expect(strategyRefusal(planned(asked(2)))).toBeNull();
  expect(strategyRefusal(planned(asked(3)))?.facts.problem).toBe(
    "guards: check checks.example is for batch 3, and there are 2",
  );
});
