import type { Plan, PlannedStep, PlannedTarget } from "@evenkeel/contracts/change-plan";
import { ServiceId } from "@evenkeel/contracts/id";
import { Strategy } from "@evenkeel/contracts/strategy";
import { expect, test } from "vitest";
import { type History, type StepDuration, withForecast } from "./forecast.ts";

const SLOT = ServiceId.parse("svc_00000000000000000000");

const step = (name: string): PlannedStep => ({
  ...{ name, on: "agent", type: name, input: {}, timeoutMs: 1000, repeatable: true, retryFrom: null, traffic: null },
});

const target = (name: string, steps: readonly string[], online = true): PlannedTarget => ({
  ...{ targetId: name, name, hostId: null, zone: "a", cell: null, slot: SLOT, online, from: null, to: null },
  ...{ stage: [step("fetch")], steps: steps.map(step), clean: [], reattach: [], facts: {} },
});

const group = (
  groupId: string,
  batches: readonly (readonly string[])[],
  { after = [], bakeMs = 0 }: { after?: readonly string[]; bakeMs?: number } = {},
) => ({
  ...{ groupId, name: groupId, after: [...after], strategy: Strategy.parse({}) },
  batches: batches.map((targetIds, index) => ({
    ...{ batchId: `${groupId}/${index + 1}`, name: "", beta: false, gate: null, bakeMs, targetIds: [...targetIds] },
  })),
});

const planOf = (targets: readonly PlannedTarget[], groups: Plan["groups"]): Plan => ({
  ...{ kind: "drill", title: "", applications: [], opening: [step("prepare shop")], closing: [], groups },
  ...{ targets: [...targets], locks: [], basis: [], differences: [], missing: [], warnings: [], irreversible: null },
  ...{ fromRevisionId: null, toRevisionId: null, configurationDigest: null, expectedMs: null, payload: null },
});

const ran = (name: string, ms: readonly number[], more: Partial<StepDuration> = {}): StepDuration[] =>
  ms.map((medianMs) => ({ subject: SLOT, step: name, back: false, medianMs, ...more }));

const usual: History = {
  own: [
    ...ran("opening/prepare", [10], { subject: "" }),
    ...ran("stage/fetch", [100]),
    ...ran("run/start", [500]),
    ...ran("run/drain", [1000]),
  ],
  all: [],
};

test("a batch takes as long as its longest host, its bake included; batches follow one another, groups that may go side by side do", () => {
  const targets = ["t1", "t2", "t3", "t4"].map((name) => target(name, name === "t2" ? ["start", "drain"] : ["start"]));
  const groups = [
    group("db", [["t1"], ["t2"]], { bakeMs: 2000 }),
    group("api", [["t3"]], { after: ["db"] }),
    group("docs", [["t4"]]),
  ];
  const { expectedMs, expected } = withForecast(planOf(targets, groups), usual, false);
  expect(expected).toEqual({
    stagingMs: 100,
    batchesMs: { "db/1": 2500, "db/2": 3500, "api/1": 500, "docs/1": 500 },
  });
  expect(expectedMs).toBe(10 + 100 + 2500 + 3500 + 500);
});

test("a host that is away takes no time", () => {
  const targets = [target("t1", ["start"]), target("t2", ["start", "drain"], false)];
  expect(withForecast(planOf(targets, [group("g", [["t1", "t2"]])]), usual, false).expectedMs).toBe(610);
});

test.each<[string, { own?: StepDuration[]; all?: StepDuration[]; back?: boolean; ms: number | null }]>([
  [
    "the middle of the last five runs counts, older ones do not",
    { own: ran("run/start", [5, 1, 9, 3, 7, 900, 900]), ms: 5 },
  ],
  ["of an even number the mean of the two in the middle", { own: ran("run/start", [10, 20]), ms: 15 }],
  [
    "the way back goes by ways back",
    { own: [...ran("run/start", [10]), ...ran("run/start", [3], { back: true })], back: true, ms: 3 },
  ],
  ["and by any way where there was none yet", { own: ran("run/start", [10]), back: true, ms: 10 }],
  ["a service without runs goes by those of all", { all: ran("run/start", [70], { subject: "other" }), ms: 70 }],
  ["its own runs come before those of all", { own: ran("run/start", [10]), all: ran("run/start", [70]), ms: 10 }],
  ["without any run nothing is said", { ms: null }],
])("%s", (_says, { own = [], all = [], back = false, ms }) => {
  const plan = { ...planOf([target("t1", ["start"])], [group("g", [["t1"]])]), opening: [] };
  const bare = { ...plan, targets: plan.targets.map((one) => ({ ...one, stage: [] })) };
  expect(withForecast(bare, { own, all }, back).expectedMs).toBe(ms);
});

test("a step that nobody has ever run leaves the whole unknown, and the batches without it known", () => {
  const targets = [target("t1", ["start"]), target("t2", ["start", "dance"])];
  const { expectedMs, expected } = withForecast(planOf(targets, [group("g", [["t1"], ["t2"]])]), usual, false);
  expect([expectedMs, expected?.batchesMs]).toEqual([null, { "g/1": 500 }]);
});
