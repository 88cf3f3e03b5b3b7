import type { PlannedGroup } from "@evenkeel/contracts/change-plan";
import { isTerminal } from "@evenkeel/contracts/change-state";
import fc from "fast-check";
import { expect, test } from "vitest";
import { batchOf } from "../batch.ts";
import type { Decision } from "../decide.ts";
import type { Snapshot } from "../snapshot.ts";
import { LOST_TARGETS } from "../state.ts";
import { allowedFailures } from "../strategy.ts";
import { type GroupOf, NAMES, snapshotOf } from "./testing.ts";
import { type Asked, SimulatedChange } from "./world/testing.ts";

const strategies = fc.record(
  {
    beta: fc.integer({ min: 0, max: 2 }),
    batches: fc.constantFrom("each", "all", { size: 2 }, { by: "zone" }),
    cap: fc.integer({ min: 1, max: 3 }),
    stageAtOnce: fc.integer({ min: 1, max: 4 }),
    bakeSeconds: fc.constantFrom(0, 1),
    confirm: fc.constantFrom("none", "first", "each", [1]),
    gate: fc.constantFrom("start", "traffic"),
    budget: fc.record({
      failures: fc.constantFrom(0, 1, 2, "50%"),
      action: fc.constantFrom("stop", "continue", "rollback"),
    }),
  },
  { requiredKeys: [] },
);

const which = fc.nat({ max: 20 });
type Act = (change: SimulatedChange) => void;
const succeeds = which.map(
  (n): Act =>
    (change) =>
      change.answer(n, "succeeded"),
);
const fails = fc.tuple(which, fc.constantFrom("failed" as const, "timed-out" as const, "interrupted" as const)).map(
  ([n, to]): Act =>
    (change) =>
      change.answer(n, to),
);
const begins = which.map(
  (n): Act =>
    (change) =>
      change.begin(n),
);
const bakes = fc.constant<Act>((change) => change.bake());
const hostsDo = fc.oneof(
  {
    weight: 3,
    arbitrary: which.map(
      (n): Act =>
        (change) =>
          change.lose(n),
    ),
  },
  { weight: 4, arbitrary: fc.constant<Act>((change) => change.find()) },
);
const peopleAsk = fc
  .tuple(
    fc.constantFrom(
      "pause",
      "pause now",
      "resume",
      "resume",
      "confirm",
      "confirm",
      "retry",
      "skip",
      "cancel",
      "rollback",
      "declare-lost",
    ),
    which,
  )
  .map(
    ([action, n]): Act =>
      (change) =>
        change.ask(action as Asked, n),
  );
const rollbackEnds = fc.constantFrom("succeeded" as const, "closed" as const).map(
  (to): Act =>
    (change) =>
      change.endRollback(to),
);

const life = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: succeeds },
    { weight: 3, arbitrary: fails },
    { weight: 6, arbitrary: begins },
    { weight: 3, arbitrary: bakes },
    { weight: 2, arbitrary: hostsDo },
    { weight: 4, arbitrary: peopleAsk },
    { weight: 1, arbitrary: rollbackEnds },
  ),
  { minLength: 10, maxLength: 90 },
);

/** How the four targets stand in groups: all in one, side by side, one behind the other, and both. */
const SHAPES: readonly (readonly (readonly [groupId: string, after: readonly string[], names: readonly string[]])[])[] =
  [
    [["g", [], NAMES]],
    [
      ["a", [], ["h1", "h2"]],
      ["b", [], ["h3", "h4"]],
    ],
    [
      ["a", [], ["h1", "h2"]],
      ["b", ["a"], ["h3", "h4"]],
    ],
    [
      ["a", [], ["h1"]],
      ["b", ["a"], ["h2"]],
      ["c", [], ["h3", "h4"]],
    ],
  ];
const orders = fc
  .tuple(fc.constantFrom(...SHAPES), fc.tuple(strategies, strategies, strategies))
  .map(([shape, of]) =>
    shape.map(([groupId, after, names], index): GroupOf => ({ groupId, after, names, strategy: of[index] ?? {} })),
  );

const batchWith = (snapshot: Snapshot, targetId: string) =>
  snapshot.plan.groups.flatMap(({ batches }) => batches).find(({ targetIds }) => targetIds.includes(targetId));
const lossesIn = (snapshot: Snapshot, ids: readonly string[] = NAMES) =>
  ids.filter((id) => LOST_TARGETS.includes(snapshot.targets.get(id)?.state ?? "pending")).length;
const idsIn = ({ batches }: PlannedGroup) => batches.flatMap(({ targetIds }) => targetIds);
/** What groups that have lost more than they may want to be done. */
const overspent = (snapshot: Snapshot) =>
  snapshot.plan.groups
    .filter((group) => {
      const ids = idsIn(group);
      return lossesIn(snapshot, ids) > allowedFailures(group.strategy.budget, ids.length);
    })
    .map(({ strategy }) => strategy.budget.action)
    .filter((action) => action !== "continue");
const OPEN = ["dispatched", "running", "unknown"];

/** No step of a target before its turn, and none beside another. */
function checkDispatch({ targetId, at, previous }: Extract<Decision, { kind: "dispatch" }>, before: Snapshot): void {
  const beside = before.attempts.filter((one) => one.targetId === targetId && OPEN.includes(one.state));
  expect(beside).toEqual([]);
  expect(previous === null || !OPEN.includes(previous.state)).toBe(true);
  const batch = batchWith(before, targetId);
  if (batch === undefined || at.phase !== "run") return;
  expect(batchOf(before, batch).started).toBe(true);
  if (at.step.gated === true && batch.gate === "traffic") expect(batchOf(before, batch).confirmed).toBe(true);
}

/** A batch begins after the one before it, and not before the person who is to confirm it. */
function checkBatch({ batchId, to }: Extract<Decision, { kind: "batch" }>, before: Snapshot): void {
  const group = before.plan.groups.find((one) => one.batches.some((batch) => batch.batchId === batchId))!;
  const { batches } = group;
  const index = batches.findIndex((batch) => batch.batchId === batchId);
  const batch = batches[index]!;
  if (to !== "started") return;
  for (const earlier of batches.slice(0, index)) expect(batchOf(before, earlier).finished).toBe(true);
  for (const id of group.after) {
    const earlier = before.plan.groups.find(({ groupId }) => groupId === id)!;
    expect(earlier.batches.every((one) => batchOf(before, one).finished)).toBe(true);
    expect(lossesIn(before, idsIn(earlier))).toBe(0);
  }
  if (batch.gate === "start") expect(batchOf(before, batch).confirmed).toBe(true);
}

/** By itself a change stops for its budget alone, and only when it is overspent. */
function checkChange({ to, pauseCause }: Extract<Decision, { kind: "change" }>, before: Snapshot): void {
  if (to === "pausing" && pauseCause === "budget") expect(overspent(before)).toContain("stop");
  if (to === "rolling-back") expect(overspent(before)).toContain("rollback");
  if (to !== "succeeded") return;
  expect(lossesIn(before)).toBe(0);
  expect([...before.targets.values()].some(({ state }) => state === "succeeded")).toBe(true);
  for (const batch of before.plan.groups.flatMap((group) => group.batches))
    expect(batchOf(before, batch).finished).toBe(true);
}

function watch(decision: Decision, before: Snapshot): void {
  if (decision.kind === "dispatch") checkDispatch(decision, before);
  if (decision.kind === "batch") checkBatch(decision, before);
  if (decision.kind === "change") checkChange(decision, before);
  const begins = decision.kind === "dispatch" || (decision.kind === "target" && decision.to === "running");
  if (begins && before.state === "running") expect(overspent(before)).toEqual([]);
}

const RESTING = ["paused", "awaiting-confirmation", "failed"];

/** What is true whenever a worker has nothing left to decide. */
function checkRest(change: SimulatedChange): void {
  const { snapshot, inHand } = change;
  const { state } = snapshot;
  for (const group of snapshot.plan.groups) {
    const ids = idsIn(group);
    const staging = inHand.filter(({ phase, targetId }) => phase === "stage" && ids.includes(targetId));
    expect(staging.length).toBeLessThanOrEqual(group.strategy.stageAtOnce);
  }
  if (RESTING.includes(state)) expect(inHand).toEqual([]);
  if (state === "running") expect(overspent(snapshot)).toEqual([]);
  if (isTerminal(state)) return;
  // Nothing is stuck: something is in hand, bakes, is away, is done by another change, or a person may do something about it.
  const goesOn =
    inHand.length > 0 || change.baking().length > 0 || change.awayHosts.size > 0 || state === "rolling-back";
  const offers = change.actions().some((verb) => ["resume", "confirm", "retry", "skip", "declare-lost"].includes(verb));
  expect([state, goesOn || (RESTING.includes(state) && offers)]).toEqual([state, true]);
}

function live(groups: readonly GroupOf[], events: readonly Act[]): SimulatedChange {
  const change = new SimulatedChange(snapshotOf({ groups }), watch);
  change.settle();
  for (const event of events) {
    event(change);
    change.settle();
    checkRest(change);
  }
  return change;
}

test("whatever hosts and people do: every move is in the tables, nothing begins before its turn or past the budget, nothing is stuck", () => {
  fc.assert(
    fc.property(orders, life, (groups, events) => {
      live(groups, events);
    }),
    { numRuns: 600 },
  );
});

/** Lets the hosts do everything well, and people agree to everything, until it has ended. */
function finish(change: SimulatedChange): void {
  for (let round = 0; round < 200 && !isTerminal(change.snapshot.state); round += 1) {
    change.find();
    change.answer(0, "succeeded");
    change.bake();
    change.endRollback("succeeded");
    for (const verb of ["declare-lost", "resume", "confirm", "retry"] as const) change.ask(verb);
    change.settle();
  }
}

test("from wherever it was brought, a change ends when hosts do as they are told and a person agrees", () => {
  fc.assert(
    fc.property(orders, life, (groups, events) => {
      const change = live(groups, events);
      finish(change);
      expect(["succeeded", "rolled-back", "closed", "cancelled", "failed"]).toContain(change.snapshot.state);
      if (change.snapshot.state !== "failed") return;
      // Nothing of it succeeded, because all of it was skipped or away: that is no success.
      const states = NAMES.map((name) => change.snapshot.targets.get(name)?.state);
      expect(states.filter((state) => state !== "offline" && state !== "skipped")).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test("retry runs the lost targets again and no other", () => {
  fc.assert(
    fc.property(orders, life, (groups, events) => {
      const change = live(groups, events);
      if (!change.actions().includes("retry")) return;
      const before = change.snapshot;
      change.ask("retry");
      const again = NAMES.filter(
        (name) => change.snapshot.targets.get(name)?.round !== before.targets.get(name)?.round,
      );
      const lost = NAMES.filter((name) => ["failed", "interrupted"].includes(before.targets.get(name)?.state ?? ""));
      expect(again).toEqual(lost);
    }),
    { numRuns: 300 },
  );
});
