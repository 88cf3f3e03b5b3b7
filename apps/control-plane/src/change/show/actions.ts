import type { PlannedBatch, PlannedGroup } from "@evenkeel/contracts/change-plan";
import type { ChangeAction } from "@evenkeel/contracts/change-state";
import { isTerminal } from "@evenkeel/contracts/change-state";
import type { ChangeId } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import { batchOf } from "../batch.ts";
import { CLOSING, OPENING, type Snapshot, type TargetSnapshot } from "../snapshot.ts";
import { type ActionFacts, allowedActions, LOST_TARGETS, RETRYABLE_TARGETS } from "../state.ts";
import type { ChangeRow } from "../store/snapshot.ts";
import { attemptsOf, isTouched, positionOf, trackOf } from "../track.ts";

const SKIPPABLE = ["pending", "staging", "staged", "failed", "interrupted"];

const NOTHING_LEFT = {
  hasUnconfirmed: false,
  hasRetryable: false,
  hasSkippable: false,
  hasUnknownStep: false,
  hasBetween: false,
};

const targetsOf = (snapshot: Snapshot): TargetSnapshot[] =>
  [...snapshot.targets.values()].filter(({ targetId }) => targetId !== OPENING && targetId !== CLOSING);

/** True when the opening or closing of the change was lost: `retry` runs it again. */
export function lostTracks(snapshot: Snapshot): string[] {
  return [OPENING, CLOSING].filter((name) => {
    const target = snapshot.targets.get(name);
    return (
      target !== undefined && positionOf(trackOf(snapshot, name), attemptsOf(snapshot, name), target).kind === "lost"
    );
  });
}

/** The verbs that are legal on the change now. */
export function actionsOf(row: ChangeRow, snapshot: Snapshot, newer: ChangeId | null): ChangeAction[] {
  return allowedActions(factsOf(row, snapshot, newer));
}

/** What they are narrowed by. */
export function factsOf(row: ChangeRow, snapshot: Snapshot, newer: ChangeId | null): ActionFacts {
  return {
    ...snapshotFacts(snapshot),
    isRollback: row.rollback_of !== null,
    noInverse: noInverse(row, row.plan.irreversible, newer),
  };
}

/** Of these facts those that its targets, batches and steps tell. */
export function snapshotFacts(snapshot: Snapshot): Omit<ActionFacts, "isRollback" | "noInverse"> {
  const targets = targetsOf(snapshot);
  const batches = snapshot.plan.groups.flatMap((group) => group.batches);
  return {
    state: snapshot.state,
    hasUnconfirmed: batches.some((batch) => mayConfirm(snapshot, batch)),
    hasRetryable:
      targets.some(({ state }) => RETRYABLE_TARGETS.includes(state)) ||
      lostTracks(snapshot).length > 0 ||
      mayGoOn(snapshot, targets),
    hasSkippable: targets.some(({ state }) => SKIPPABLE.includes(state)),
    hasUnknownStep: snapshot.attempts.some(({ state }) => state === "unknown"),
    hasBetween: targets.some((target) => isBetween(snapshot, target)),
  };
}

/** Failed without a loss, for want of progress, or whose losses turned out to be none: to try again is to go on. */
function mayGoOn({ state }: Pick<Snapshot, "state">, targets: readonly TargetSnapshot[]): boolean {
  if (state !== "failed" || targets.some((target) => LOST_TARGETS.includes(target.state))) return false;
  return targets.some((target) => target.state !== "offline" && target.state !== "skipped");
}

/** Touched and lost: neither old nor new, until somebody retries it or rolls it back. */
function isBetween(snapshot: Snapshot, { targetId, state }: TargetSnapshot): boolean {
  return LOST_TARGETS.includes(state) && isTouched(attemptsOf(snapshot, targetId));
}

/** The verbs of a change that has ended: what its targets and steps tell no longer matters. */
export function actionsOfEnded(row: Omit<ChangeRow, "plan">, newer: ChangeId | null): ChangeAction[] {
  return allowedActions({
    ...NOTHING_LEFT,
    ...{ state: row.state, isRollback: row.rollback_of !== null },
    noInverse: noInverse(row, row.irreversible, newer),
  });
}

function noInverse(row: Omit<ChangeRow, "plan">, irreversible: string | null, newer: ChangeId | null): string | null {
  if (irreversible !== null) return irreversible;
  if (row.started_at === null) return say("why.never-started");
  if (row.rolled_back_by !== null) return say("why.rolled-back-by", { change: row.rolled_back_by });
  return isTerminal(row.state) && newer !== null ? say("why.newer", { change: newer }) : null;
}

/** A batch behind a gate that nobody has confirmed, also ahead of its time. */
export function mayConfirm(snapshot: Snapshot, batch: PlannedBatch): boolean {
  const { confirmed, started, finished } = batchOf(snapshot, batch);
  return batch.gate !== null && !confirmed && !(batch.gate === "start" ? started : finished);
}

const only = (actions: readonly ChangeAction[], which: Partial<Record<ChangeAction, boolean>>) =>
  actions.filter((action) => which[action] === true);

/** Of the change's verbs those that one batch takes. */
export function batchActions(
  actions: readonly ChangeAction[],
  snapshot: Snapshot,
  batch: PlannedBatch,
): ChangeAction[] {
  return only(actions, { confirm: mayConfirm(snapshot, batch) });
}

/** Of the change's verbs those that a group takes. */
export function groupActions(
  actions: readonly ChangeAction[],
  snapshot: Snapshot,
  group: PlannedGroup,
): ChangeAction[] {
  return only(actions, { confirm: group.batches.some((batch) => mayConfirm(snapshot, batch)) });
}

/** Of the change's verbs those that one target takes. */
export function targetActions(actions: readonly ChangeAction[], snapshot: Snapshot, targetId: string): ChangeAction[] {
  const state = snapshot.targets.get(targetId)?.state ?? "pending";
  return only(actions, {
    retry: RETRYABLE_TARGETS.includes(state),
    skip: SKIPPABLE.includes(state),
    "declare-lost": attemptsOf(snapshot, targetId).some((attempt) => attempt.state === "unknown"),
  });
}
