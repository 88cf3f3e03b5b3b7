import { expect, test } from "vitest";
import { decide } from "./decide.ts";
import { hosts, NAMES, short, snapshotOf, type World } from "./simulate/testing.ts";
import { progressClocks, progressMark, stallProblem } from "./stall.ts";

const strategy = { batches: { size: 2 }, confirm: "each", gate: "traffic", progressDeadlineSeconds: 60 };
const fetched = NAMES.map((name) => [name, "fetch", "succeeded"] as const);
const running = { h1: "running", h2: "running", h3: "staged", h4: "staged" } as const;
const stopping = [...fetched, ["h1", "stop", "running"], ["h2", "stop", "succeeded"]] as const;
const batches = { "g/1": { started: true } };

/** A change that has stood still for so long. */
function idle(world: World, ms: number, mark?: string) {
  const snapshot = snapshotOf({ strategy, batches, ...world });
  return { ...snapshot, idle: { ms, mark: mark ?? progressMark(snapshot) } };
}

test("the change fails when its deadline has passed without progress, and names what is stuck", () => {
  const world = { targets: running, steps: stopping };
  expect(stallProblem(idle(world, 59_999))).toBeNull();
  expect(stallProblem(idle(world, 60_000))).toMatchObject({
    code: "NO_PROGRESS",
    facts: { seconds: 60, waiting: "h1 (stop)" },
  });
  expect(decide(idle(world, 60_000), hosts).map(short)).toEqual(["change pausing"]);
});

test("progress of any target begins the time anew", () => {
  expect(stallProblem(idle({ targets: running, steps: stopping }, 90_000, "earlier"))).toBeNull();
  const mark = (world: World) => progressMark(snapshotOf({ strategy, batches, ...world }));
  const before = mark({ targets: running, steps: stopping });
  expect(mark({ targets: running, steps: [...stopping, ["h2", "start", "succeeded"]] })).not.toBe(before);
  expect(mark({ targets: { ...running, h2: "failed" }, steps: stopping })).not.toBe(before);
  expect(mark({ targets: running, steps: [...stopping, ["h2", "start", "running"]] })).toBe(before);
});

const clocks = (world: World) => progressClocks(snapshotOf({ strategy, batches, ...world })).length;

test("the time counts while something is under way", () => {
  expect(clocks({ targets: running, steps: stopping })).toBe(1);
  expect(clocks({ targets: { ...running, h1: "staging" }, steps: [["h1", "fetch", "running"]] })).toBe(1);
});

test("it does not count in a bake, in a pause, or while a person is to confirm, and not without a deadline", () => {
  const ended = { h1: "succeeded", h2: "succeeded", h3: "staged", h4: "staged" } as const;
  expect(clocks({ targets: ended, steps: fetched })).toBe(0);
  expect(clocks({ state: "pausing", targets: running, steps: stopping })).toBe(0);
  const held = [...fetched, ["h1", "stop", "succeeded"], ["h2", "stop", "succeeded"]] as const;
  expect(clocks({ targets: running, steps: held })).toBe(0);
  expect(clocks({ strategy: { batches: "all" }, targets: running, steps: stopping })).toBe(0);
});

test("with budget action `rollback` it rolls back, a rollback itself only stops", () => {
  const world = { targets: running, steps: stopping, strategy: { ...strategy, budget: { action: "rollback" } } };
  expect(decide(idle(world, 60_000), hosts).map(short)).toEqual(["change rolling-back"]);
  expect(decide({ ...idle(world, 60_000), isRollback: true }, hosts).map(short)).toEqual(["change pausing"]);
});
