import type { TargetState } from "@evenkeel/contracts/change-state";
import { expect, test } from "vitest";
import { snapshotOf } from "../simulate/testing.ts";
import { chooseTargets } from "./choose.ts";

const { plan } = snapshotOf({});
const ids = plan.targets.map(({ targetId }) => targetId);
const [first = "", second = "", third = "", last = ""] = [ids[0], ids[1], ids[2], ids.at(-1)];

const chosen = (states: Record<string, TargetState>, atMost: number): string[] => [
  ...(chooseTargets(plan, new Map(Object.entries(states)), atMost) ?? ["all"]),
];

test("where there is room for all of them all are shown", () => {
  expect(chosen({}, ids.length)).toEqual(["all"]);
});

test("those in trouble come before those in hand, these before the others, in the order of the plan", () => {
  expect(chosen({ [last]: "unknown", [third]: "failed", [second]: "running", [first]: "succeeded" }, 3)).toEqual([
    third,
    last,
    second,
  ]);
  expect(chosen({ [last]: "offline", [first]: "succeeded" }, 2)).toEqual([last, first]);
  expect(chosen({}, 0)).toEqual([]);
});
