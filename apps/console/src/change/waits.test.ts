import type { StepView, TargetView } from "@evenkeel/contracts/change";
import { expect, test } from "vitest";
import { longWaits } from "./waits.ts";

const NOW = Date.parse("2026-11-22T12:00:00Z");
const step = (what: Partial<StepView>): StepView =>
  ({
    ...{ id: null, phase: "run", name: "introduce", type: "introduce", on: "control", attempt: 1 },
    ...{ state: "running", dispatchedAt: null, startedAt: "2026-11-22T11:59:30Z", finishedAt: null },
    ...{ waitingFor: null, outcome: null, causes: [], allowedActions: [] },
    ...(what as object),
  }) as StepView;
const target = (name: string, ...steps: StepView[]): TargetView =>
  ({ targetId: name, name, steps }) as unknown as TargetView;
const told = (...targets: TargetView[]) =>
  longWaits(targets, NOW).map(({ what, targets: those }) => [what, those.map(({ name }) => name)]);

test("what holds targets up is told once, with all that it holds up", () => {
  const away = step({ waitingFor: "gateway g (away: g)" });
  const drained = step({ waitingFor: "3 requests" });
  expect(told(target("a", step({ state: "succeeded" }), away), target("b", away), target("c", drained))).toEqual([
    ["gateway g (away: g)", ["a", "b"]],
    ["3 requests", ["c"]],
  ]);
});

test("a step that has just begun, one that waits for nothing and one that has ended hold nothing up", () => {
  const waitingFor = "gateway g";
  const begun = step({ waitingFor, startedAt: "2026-11-22T11:59:55Z" });
  const ended = step({ waitingFor, state: "succeeded" });
  expect(told(target("a", begun), target("b", step({})), target("c", ended), target("d"))).toEqual([]);
});
