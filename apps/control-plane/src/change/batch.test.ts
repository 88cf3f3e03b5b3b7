import type { ChangeState } from "@evenkeel/contracts/change-state";
import { expect, test } from "vitest";
import { batchState, groupState } from "./batch.ts";
import { snapshotOf, type World } from "./simulate/testing.ts";

const strategy = { batches: { size: 2 }, confirm: "each", bakeSeconds: 60 } as const;
const baking = { "g/1": { started: true } };
const done = { h1: "succeeded", h2: "succeeded" } as const;
const half = { h1: "succeeded", h2: "running" } as const;
const lost = { h1: "succeeded", h2: "failed" } as const;

const at = (world: World): string[] => {
  const snapshot = snapshotOf({ strategy, batches: baking, ...world });
  const group = snapshot.plan.groups[0]!;
  return [...group.batches.map((batch) => batchState(snapshot, group, batch)), groupState(snapshot, group)];
};

test.each<[state: ChangeState, targets: World["targets"], shown: [batch: string, next: string, group: string]]>([
  ["running", done, ["baking", "pending", "running"]],
  ["paused", done, ["baking", "pending", "running"]],
  ["rolling-back", done, ["ended", "pending", "running"]],
  ["rolled-back", done, ["ended", "pending", "ended"]],
  ["closed", done, ["ended", "pending", "ended"]],
  ["rolling-back", half, ["running", "pending", "running"]],
  ["closed", half, ["ended", "pending", "ended"]],
  ["rolled-back", lost, ["failed", "pending", "failed"]],
])("the batches of a change that is %s, with %o", (state, targets, shown) => {
  expect(at({ state, targets })).toEqual(shown);
});

test("a batch that had finished stays so, and nothing of what never began waits for a word", () => {
  const batches = { "g/1": { started: true, finished: true } };
  expect(at({ targets: done, batches })).toEqual(["succeeded", "awaiting-confirmation", "awaiting-confirmation"]);
  expect(at({ state: "cancelled", targets: done, batches })).toEqual(["succeeded", "pending", "ended"]);
  expect(at({ state: "expired", batches: {} })).toEqual(["pending", "pending", "pending"]);
});
