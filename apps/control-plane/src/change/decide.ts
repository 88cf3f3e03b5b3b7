import type { PlannedGroup, PlannedTarget } from "@evenkeel/contracts/change-plan";
import type { ChangeState, TargetState } from "@evenkeel/contracts/change-state";
import { type Problem, problemOf } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";
import { batchOf, groupLosses, isGroupFinished, isReady, isSettled, needsBake, nextBatch } from "./batch.ts";
import { isHeld, waitsForTraffic } from "./gate.ts";
import { type GuardDecision, guardAlarm, watchAfter, watchBefore } from "./guard/watch.ts";
import { CLOSING, type HostView, OPENING, type PauseCause, type Snapshot, type StepAttempt } from "./snapshot.ts";
import { stagingTurns } from "./staging.ts";
import { stallProblem } from "./stall.ts";
import { LOST_TARGETS } from "./state.ts";
import { allowedFailures } from "./strategy.ts";
import {
  type Context,
  lossOf,
  moveTarget,
  type Permit,
  problemOfAttempt,
  standing,
  type TargetDecision,
} from "./target.ts";
import { attemptsOf, cleanTrackOf, isTouched, plannedOf, positionOf, reattachTrackOf } from "./track.ts";

/** One thing to be written; the worker applies them in order, then asks again. */
export type Decision =
  | TargetDecision
  | GuardDecision
  | { readonly kind: "revoke"; readonly attempt: StepAttempt }
  | { readonly kind: "batch"; readonly batchId: string; readonly to: "started" | "finished" }
  | {
      readonly kind: "change";
      readonly to: ChangeState;
      readonly problem: Problem | null;
      readonly pauseCause?: PauseCause;
    }
  | { readonly kind: "begin-rollback" };

const no = () => false;
const NOTHING: Permit = { stage: no, run: no };

/** What is to be done now; empty = nothing until something happens. */
export function decide(snapshot: Snapshot, hosts: HostView): Decision[] {
  const context = { snapshot, hosts };
  switch (snapshot.state) {
    case "running":
      return whileRunning(context);
    case "pausing":
      return whilePausing(context);
    case "cancelling":
      return whileCancelling(context);
    case "rolling-back":
      return whileRollingBack(context);
    case "awaiting-confirmation":
    case "paused":
    case "failed":
      return lateOutcomes(context);
    case "planned":
    case "awaiting-approval":
    case "scheduled":
    case "succeeded":
    case "cancelled":
    case "rolled-back":
    case "closed":
    case "expired":
      return [];
    default:
      return snapshot.state satisfies never;
  }
}

/** Opening and closing belong to the change as a whole. */
function moveTrack(context: Context, name: typeof OPENING | typeof CLOSING): { done: boolean; decisions: Decision[] } {
  const position = standing(context, name);
  switch (position.kind) {
    case "done":
      return { done: true, decisions: [] };
    case "in-hand":
      return { done: false, decisions: [] };
    case "next":
      return {
        done: false,
        decisions: [{ kind: "dispatch", targetId: name, at: position.at, previous: position.previous }],
      };
    case "lost":
      return {
        done: false,
        decisions: [{ kind: "change", to: "failed", problem: problemOfAttempt(position.attempt) }],
      };
    default:
      return position satisfies never;
  }
}

// ── the whole change ──────────────────────────────────────────────────────────

const inHand = (snapshot: Snapshot) =>
  snapshot.attempts.filter((attempt) => attempt.state === "dispatched" || attempt.state === "running");

function whileRunning(context: Context): Decision[] {
  const { snapshot } = context;
  const opening = moveTrack(context, OPENING);
  if (!opening.done) return opening.decisions;
  const overspent = spentBudget(snapshot);
  if (overspent !== null) return [overspent];
  const alarm = guardAlarm(snapshot);
  if (alarm !== null) return [alarm];
  const stall = stallProblem(snapshot);
  if (stall !== null) return [giveUp(snapshot, stall, { rollback: snapshot.plan.groups.some(rollsBack) })];
  const runnable = new Set(
    snapshot.plan.groups.flatMap((group) =>
      group.batches
        .filter((batch) => batchOf(snapshot, batch).started && !batchOf(snapshot, batch).finished)
        .flatMap((batch) => batch.targetIds),
    ),
  );
  const turns = stagingTurns(snapshot, context.hosts);
  const permit: Permit = { stage: (targetId) => turns.has(targetId), run: (targetId) => runnable.has(targetId) };
  const moves = [
    ...snapshot.plan.targets.flatMap((target) => moveTarget(context, target, permit)),
    ...snapshot.plan.targets.flatMap((target) => reattach(snapshot, target)),
    ...lateOutcomes(context),
  ];
  // What was lost is written, and counted, before anything else is begun.
  const losses = moves.filter((move) => move.kind === "target" && LOST_TARGETS.includes(move.to));
  if (losses.length > 0) return losses;
  const staged = snapshot.plan.targets.every((target) => {
    const state = snapshot.targets.get(target.targetId)?.state;
    return state !== "pending" && state !== "staging";
  });
  const batches = snapshot.plan.groups.flatMap((group) => moveGroup(snapshot, group, staged));
  const decisions = [...moves, ...batches];
  if (decisions.length > 0) return decisions;
  return endOrWait(context);
}

function spentBudget(snapshot: Snapshot): Decision | null {
  for (const group of snapshot.plan.groups) {
    const losses = groupLosses(snapshot, group);
    const total = group.batches.reduce((sum, batch) => sum + batch.targetIds.length, 0);
    const { budget } = group.strategy;
    if (losses.length <= allowedFailures(budget, total) || budget.action === "continue") continue;
    return giveUp(snapshot, firstProblem(snapshot, losses), { rollback: rollsBack(group) });
  }
  return null;
}

const rollsBack = ({ strategy }: PlannedGroup) => strategy.budget.action === "rollback";

/** What the strategy allows is spent. */
function giveUp(snapshot: Snapshot, problem: Problem | null, { rollback }: { readonly rollback: boolean }): Decision {
  // Nothing rolls a rollback back by itself.
  if (rollback && !snapshot.isRollback) return { kind: "change", to: "rolling-back", problem };
  return { kind: "change", to: "pausing", problem, pauseCause: "budget" };
}

function firstProblem(snapshot: Snapshot, targetIds: readonly string[]): Problem | null {
  for (const id of targetIds) {
    const problem = snapshot.targets.get(id)?.problem ?? null;
    const name = plannedOf(snapshot.plan, id)?.name ?? id;
    if (problem !== null) return { ...problem, facts: { ...problem.facts, target: name } };
  }
  return null;
}

function moveGroup(snapshot: Snapshot, group: PlannedGroup, staged: boolean): Decision[] {
  const batch = nextBatch(snapshot, group);
  if (batch === null || !staged) return [];
  const { started, confirmed } = batchOf(snapshot, batch);
  if (!started) {
    const open = isReady(snapshot, group) && (batch.gate !== "start" || confirmed);
    if (!open) return [];
    const before = watchBefore(snapshot, group, batch);
    return before.passed ? [{ kind: "batch", batchId: batch.batchId, to: "started" }] : [...before.decisions];
  }
  const guards = watchAfter(snapshot, group, batch);
  if (!guards.passed || !isSettled(snapshot, batch) || needsBake(snapshot, batch)) return [...guards.decisions];
  return [{ kind: "batch", batchId: batch.batchId, to: "finished" }];
}

function endOrWait(context: Context): Decision[] {
  const { snapshot } = context;
  if (inHand(snapshot).length > 0) return [];
  const groups = snapshot.plan.groups;
  if (groups.every((group) => isGroupFinished(snapshot, group))) return end(context);
  const open = groups.filter((group) => !isGroupFinished(snapshot, group));
  // Groups behind one that was lost will never be ready: with budget `continue` the change ends failed.
  const waiting = open.filter((group) => waitsForPerson(snapshot, group));
  if (waiting.length > 0 && open.every((group) => waitsForPerson(snapshot, group) || isIdle(snapshot, group)))
    return [{ kind: "change", to: "awaiting-confirmation", problem: null }];
  if (open.every((group) => isIdle(snapshot, group) && !isReady(snapshot, group))) return end(context);
  return [];
}

function waitsForPerson(snapshot: Snapshot, group: PlannedGroup): boolean {
  const batch = nextBatch(snapshot, group);
  if (batch === null || !isReady(snapshot, group)) return false;
  const { started, confirmed } = batchOf(snapshot, batch);
  return started ? waitsForTraffic(snapshot, batch) : batch.gate === "start" && !confirmed;
}

function isIdle(snapshot: Snapshot, group: PlannedGroup): boolean {
  const batch = nextBatch(snapshot, group);
  return batch === null || (!batchOf(snapshot, batch).started && !isReady(snapshot, group));
}

function end(context: Context): Decision[] {
  const { snapshot } = context;
  const states = [...snapshot.targets.values()].filter(({ targetId }) => targetId !== OPENING && targetId !== CLOSING);
  const lost = states.filter(({ state }) => LOST_TARGETS.includes(state)).map(({ targetId }) => targetId);
  if (lost.length > 0) return [{ kind: "change", to: "failed", problem: firstProblem(snapshot, lost) }];
  if (states.length > 0 && !states.some(({ state }) => state === "succeeded")) {
    const count = (wanted: TargetState) => states.filter(({ state }) => state === wanted).length;
    const facts = { offline: count("offline"), skipped: count("skipped") };
    return [{ kind: "change", to: "failed", problem: problemOf("NONE_SUCCEEDED", facts) }];
  }
  const closing = moveTrack(context, CLOSING);
  return closing.done ? [{ kind: "change", to: "succeeded", problem: null }] : closing.decisions;
}

function whilePausing(context: Context): Decision[] {
  const { snapshot, hosts } = context;
  const permit: Permit =
    snapshot.pauseMode === "steps"
      ? NOTHING
      : { stage: no, run: (targetId) => snapshot.targets.get(targetId)?.state === "running" };
  const decisions = [
    ...snapshot.plan.targets.flatMap((target) => moveTarget(context, target, permit)),
    ...lateOutcomes(context),
    ...revocations(snapshot, (attempt) => snapshot.pauseMode === "steps" || isAway(snapshot, hosts, attempt)),
  ];
  if (decisions.length > 0 || inHand(snapshot).length > 0) return decisions;
  const to = snapshot.pauseCause === "budget" ? "failed" : "paused";
  return [{ kind: "change", to, problem: null }];
}

function isAway(snapshot: Snapshot, hosts: HostView, attempt: StepAttempt): boolean {
  const hostId = plannedOf(snapshot.plan, attempt.targetId)?.hostId ?? null;
  return hostId !== null && hosts.away(hostId);
}

/** Commands that have not started are taken back; of those that nobody has heard of, their agents say whether they had. */
function revocations(snapshot: Snapshot, which: (attempt: StepAttempt) => boolean): Decision[] {
  return snapshot.attempts
    .filter(({ state, commandId }) => (state === "dispatched" || state === "unknown") && commandId !== null)
    .filter((attempt) => !attempt.revoking && which(attempt))
    .map((attempt) => ({ kind: "revoke", attempt }));
}

/** What runs on a skipped target gets its traffic back, where the person asked for it. */
function reattach(snapshot: Snapshot, { targetId }: PlannedTarget): Decision[] {
  const target = snapshot.targets.get(targetId);
  if (target === undefined || target.state !== "skipped" || !target.reattach) return [];
  const position = positionOf(reattachTrackOf(snapshot, targetId), attemptsOf(snapshot, targetId), target);
  return position.kind === "next" ? [{ kind: "dispatch", targetId, at: position.at, previous: position.previous }] : [];
}

/** The targets in hand go on to their end; what was only staged is cleaned; the others stay as they are. */
function whileCancelling(context: Context): Decision[] {
  const { snapshot, hosts } = context;
  const permit: Permit = {
    stage: no,
    run: (targetId) => snapshot.targets.get(targetId)?.state === "running",
  };
  const busy = new Set(inHand(snapshot).map(({ targetId }) => targetId));
  // Nobody waits for a host that is away to begin something new on its return: what it stands in, it stays in.
  const impatient: Context = { snapshot, hosts: { ...hosts, lost: (hostId) => hosts.away(hostId) } };
  const moves = [
    ...snapshot.plan.targets.flatMap((target): Decision[] => {
      const between = permit.run(target.targetId) && !busy.has(target.targetId);
      const decisions = moveTarget(between ? impatient : context, target, permit);
      return decisions.length > 0 ? decisions : giveUpTraffic(snapshot, target);
    }),
    ...lateOutcomes(context),
    ...revocations(snapshot, (attempt) => isAway(snapshot, hosts, attempt)),
  ];
  if (moves.length > 0 || inHand(snapshot).some((attempt) => attempt.phase !== "clean")) return moves;
  const unfinished = [...snapshot.targets.values()].filter(
    (target) => LOST_TARGETS.includes(target.state) && isTouched(attemptsOf(snapshot, target.targetId)),
  );
  if (unfinished.length > 0) {
    const ids = unfinished.map(({ targetId }) => targetId);
    return [{ kind: "change", to: "failed", problem: firstProblem(snapshot, ids) }];
  }
  const cleaning = snapshot.plan.targets.flatMap((target) => clean(context, target));
  if (cleaning.length > 0 || inHand(snapshot).length > 0) return cleaning;
  return [{ kind: "change", to: "cancelled", problem: null }];
}

/** Nobody confirmed its traffic, and nobody will: it stands beside the old one, for a person to go on with or to roll back. */
function giveUpTraffic(snapshot: Snapshot, { targetId, name }: PlannedTarget): Decision[] {
  if (!isHeld(snapshot, targetId)) return [];
  const problem = problemOf("TRAFFIC_UNCONFIRMED", { target: name });
  return [{ kind: "target", targetId, to: "interrupted", problem }];
}

/** A host that is away keeps its staging: the agent collects what nobody needs. */
function clean({ snapshot, hosts }: Context, planned: PlannedTarget): Decision[] {
  const target = snapshot.targets.get(planned.targetId);
  if (target === undefined || !["pending", "staging", "staged"].includes(target.state)) return [];
  const attempts = attemptsOf(snapshot, planned.targetId);
  const done: Decision = { kind: "target", targetId: planned.targetId, to: "skipped", problem: null };
  if (attempts.length === 0 || (planned.hostId !== null && hosts.away(planned.hostId))) return [done];
  const position = positionOf(cleanTrackOf(snapshot, planned.targetId), attempts, { round: 1, fromIndex: 0 });
  if (position.kind === "in-hand") return [];
  if (position.kind !== "next") return [done];
  return [{ kind: "dispatch", targetId: planned.targetId, at: position.at, previous: position.previous }];
}

/** Stop claiming → wait until the steps in hand end or are unknown → the rollback takes the locks over. */
function whileRollingBack(context: Context): Decision[] {
  const { snapshot } = context;
  if (snapshot.rollback !== null) return followRollback(snapshot, snapshot.rollback.state);
  const decisions = [
    ...snapshot.plan.targets.flatMap((target) => moveTarget(context, target, NOTHING)),
    ...lateOutcomes(context),
    ...revocations(snapshot, () => true),
  ];
  if (decisions.length > 0 || inHand(snapshot).length > 0) return decisions;
  return [{ kind: "begin-rollback" }];
}

function followRollback(snapshot: Snapshot, state: ChangeState): Decision[] {
  if (state === "succeeded") return [...reverted(snapshot), { kind: "change", to: "rolled-back", problem: null }];
  if (state === "closed" || state === "cancelled") return [{ kind: "change", to: "closed", problem: null }];
  return [];
}

/** Targets that were in hand stand where they stood before. */
function reverted(snapshot: Snapshot): Decision[] {
  return snapshot.plan.targets
    .filter(({ targetId }) => snapshot.targets.get(targetId)?.state === "running")
    .map(({ targetId }) => ({ kind: "target", targetId, to: "reverted", problem: null }));
}

/** What arrives after the change stopped is recorded, not acted on. */
function lateOutcomes(context: Context): Decision[] {
  const { snapshot } = context;
  return snapshot.plan.targets.flatMap((planned): Decision[] => {
    if (snapshot.targets.get(planned.targetId)?.state !== "unknown") return [];
    const position = standing(context, planned.targetId);
    const to = (state: TargetState, problem: Problem | null): Decision[] => [
      { kind: "target", targetId: planned.targetId, to: state, problem },
    ];
    if (position.kind === "done") return to("succeeded", null);
    if (position.kind === "next")
      return to(
        "interrupted",
        problemOf("STEP_INTERRUPTED", { problem: say("why.stopped-before", { step: position.at.step.name }) }),
      );
    if (position.kind !== "lost" || position.attempt.state === "unknown") return [];
    const loss = lossOf(position.attempt);
    return to(loss.to, loss.problem);
  });
}
