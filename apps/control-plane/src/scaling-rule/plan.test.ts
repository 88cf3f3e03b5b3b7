import { SetScalingRule } from "@evenkeel/contracts/scaling-rule";
import { expect, test } from "vitest";
import { decide, type LoadStep, type Situation } from "./plan.ts";

const ruleOf = (more: object = {}): SetScalingRule =>
  SetScalingRule.parse({
    ...{ cluster: "front", module: "prices", metric: "cpu-percent", above: 70, below: 30, minBases: 1, maxBases: 5 },
    ...{ stabilisationSeconds: 45, cooldownSeconds: 120 },
    ...more,
  });
const steps = (values: readonly (number | null)[], bases = 2): LoadStep[] => values.map((value) => ({ bases, value }));
const situation = (more: Partial<Situation>): Situation => ({
  ...{ holders: 2, steps: steps([50, 50, 50]), sinceScaledSeconds: null, underWay: false },
  ...more,
});

type Row = [what: string, given: Partial<Situation>, rule: object, kind: string, wanted: number | null];

test.each<Row>([
  ["in between nothing happens", {}, {}, "steady", null],
  ["above for the whole time: one more", { steps: steps([71, 90, 80]) }, {}, "scale", 3],
  ["so many more at a time", { steps: steps([71, 90, 80]) }, { step: 2 }, "scale", 4],
  ["above, but not for the whole time", { steps: steps([90, 69, 90]) }, {}, "steady", null],
  ["exactly at the threshold is not above", { steps: steps([70, 70, 70]) }, {}, "steady", null],
  ["below for the whole time: one fewer", { steps: steps([10, 29, 20]) }, {}, "scale", 1],
  ["below, but not for the whole time", { steps: steps([10, 30, 10]) }, {}, "steady", null],
  ["never more than maxBases", { holders: 5, steps: steps([90, 90, 90], 5) }, {}, "at-limit", null],
  ["the last step is cut to maxBases", { holders: 4, steps: steps([90, 90, 90], 4) }, { step: 3 }, "scale", 5],
  ["never fewer than minBases", { steps: steps([1, 1, 1]) }, { minBases: 2 }, "at-limit", null],
  ["fewer than minBases are made up", { steps: steps([50, 50, 50]) }, { minBases: 3 }, "scale", 3],
  ["more than maxBases are taken back", { holders: 5, steps: steps([50, 50, 50], 5) }, { maxBases: 4 }, "scale", 4],
  ["its last change has not ended", { steps: steps([90, 90, 90]), underWay: true }, {}, "under-way", null],
  ["not so soon", { steps: steps([90, 90, 90]), sinceScaledSeconds: 119 }, {}, "cooling", 3],
  ["when the cool-down is over", { steps: steps([90, 90, 90]), sinceScaledSeconds: 120 }, {}, "scale", 3],
  [
    "what was measured before counts no more",
    { steps: steps([90, 90, 90]), sinceScaledSeconds: 59 },
    { cooldownSeconds: 0 },
    "cooling",
    3,
  ],
  ["placed nowhere", { holders: 0, steps: [] }, {}, "no-data", null],
])("%s", (...row) => {
  const [, given, rule, kind, wanted] = row;
  expect(decide(ruleOf(rule), situation(given))).toMatchObject({ kind, wanted });
});

test.each<[what: string, given: Partial<Situation>]>([
  ["nobody told anything", { steps: [] }],
  ["a step is missing", { steps: steps([90, 90]) }],
  ["in a step nothing was asked of it", { steps: steps([90, null, 90]) }],
  ["fewer than half of the bases told of it", { holders: 3, steps: steps([90, 90, 90], 1) }],
  ["under minBases, and nobody tells", { holders: 1, steps: [] }],
])("no data is a verdict of its own, and never scales: %s", (_, given) => {
  expect(decide(ruleOf({ minBases: 2 }), situation(given))).toMatchObject({ kind: "no-data", wanted: null });
});

test("half of the bases are enough to take more, and only all of them to take fewer: who is silent may be the one that suffers", () => {
  const rule = ruleOf();
  expect(decide(rule, situation({ holders: 4, steps: steps([90, 90, 90], 2) }))).toMatchObject({
    kind: "scale",
    wanted: 5,
  });
  expect(decide(rule, situation({ holders: 4, steps: steps([10, 10, 10], 3) }))).toMatchObject({ kind: "no-data" });
  expect(decide(rule, situation({ holders: 4, steps: steps([10, 10, 10], 4) }))).toMatchObject({
    kind: "scale",
    wanted: 3,
  });
});

test("fewer bases are not taken where the rest would be above at once; a latency is not shared", () => {
  const close = { above: 35, below: 30, metric: "requests-per-second" };
  const shared = decide(ruleOf(close), situation({ steps: steps([25, 29, 25]) }));
  expect(shared).toMatchObject({ kind: "steady", why: expect.stringContaining("would be 58 on 1 bases") });
  const latency = decide(ruleOf({ ...close, metric: "latency-ms" }), situation({ steps: steps([25, 29, 25]) }));
  expect(latency).toMatchObject({ kind: "scale", wanted: 1 });
});

test.each([
  { below: 70 },
  { maxBases: 0 },
  { minBases: 6 },
  { stabilisationSeconds: 5 },
  { metric: "mood" },
  { step: 0 },
])("a rule with %j is none", (more) => {
  expect(() => ruleOf(more)).toThrow();
});
