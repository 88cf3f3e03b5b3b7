import type { Cause } from "@evenkeel/contracts/cause";
import { causesOf } from "@evenkeel/contracts/cause/find-causes";
import type { ChangeSummary } from "@evenkeel/contracts/change";
import type { TargetState } from "@evenkeel/contracts/change-state";
import type { ChangeId } from "@evenkeel/contracts/id";
import type { Snapshot } from "../snapshot.ts";
import { LOST_TARGETS } from "../state.ts";
import type { EndedRows } from "../store/ended.ts";
import type { WithoutPlan } from "../store/known-plan.ts";
import type { ChangeRows, StepRow } from "../store/snapshot.ts";
import { actionsOf, actionsOfEnded } from "./actions.ts";

/** Of many hosts that failed the first tell why. */
export const LOST_SHOWN = 3;

interface Listed {
  readonly rows: ChangeRows;
  readonly snapshot: Snapshot;
  readonly newer: ChangeId | null;
}

/** A change in a list. */
export function showSummary({ rows, snapshot, newer }: Listed): ChangeSummary {
  const { change } = rows;
  const targetIds = snapshot.plan.targets.map(({ targetId }) => targetId);
  return {
    ...showRow(change),
    causes: causesIn(rows),
    targets: countTargets(snapshot, targetIds),
    allowedActions: actionsOf(change, snapshot, newer),
  };
}

interface Ended extends Pick<Listed, "newer"> {
  readonly change: WithoutPlan;
  readonly ended: EndedRows;
}

/** One that has ended: neither its plan nor a row for each of its targets is needed to tell of it. */
export function showEnded({ change, ended, newer }: Ended): ChangeSummary {
  const counts = new Map(ended.counts);
  const total = change.target_count ?? 0;
  const begun = counts.values().reduce((sum, count) => sum + count, 0);
  counts.set("pending", (counts.get("pending") ?? 0) + total - begun);
  return {
    ...showRow(change),
    causes: causesFrom(ended.outcomes),
    targets: tally(counts),
    allowedActions: actionsOfEnded(change, newer),
  };
}

function showRow(change: WithoutPlan): Omit<ChangeSummary, "causes" | "targets" | "allowedActions"> {
  return {
    id: change.id,
    workspaceId: change.workspace_id,
    kind: change.kind,
    title: change.title,
    state: change.state,
    stateSince: change.state_since,
    problem: change.problem,
    waitingFor: change.waiting_for,
    reason: change.reason,
    createdBy: change.created_by,
    createdAt: change.created_at,
    startedAt: change.started_at,
    finishedAt: change.finished_at,
    rollbackOf: change.rollback_of,
    rollbackChangeId: change.rollback_change_id,
    rolledBackBy: change.rolled_back_by,
    planDigest: change.plan_digest,
  };
}

/** Of the first hosts that failed, each cause once. */
function causesIn({ targets, steps }: ChangeRows): Cause[] {
  const lost = targets.filter(({ state }) => LOST_TARGETS.includes(state)).slice(0, LOST_SHOWN);
  return causesFrom(
    lost.flatMap(
      ({ target_id: targetId }) =>
        steps.findLast((step) => step.target_id === targetId && step.outcome !== null)?.outcome ?? [],
    ),
  );
}

function causesFrom(outcomes: readonly NonNullable<StepRow["outcome"]>[]): Cause[] {
  const found = outcomes.flatMap((outcome) => causesOf(outcome));
  return [...new Map(found.map((cause) => [cause.code, cause])).values()].slice(0, LOST_SHOWN);
}

/** How many of these targets stand where. */
export function countTargets(snapshot: Snapshot, targetIds: readonly string[]): ChangeSummary["targets"] {
  const states = new Map<TargetState, number>();
  for (const targetId of targetIds) {
    const state = snapshot.targets.get(targetId)?.state ?? "pending";
    states.set(state, (states.get(state) ?? 0) + 1);
  }
  return tally(states);
}

function tally(states: ReadonlyMap<TargetState, number>): ChangeSummary["targets"] {
  const count = (...wanted: readonly TargetState[]) => wanted.reduce((sum, state) => sum + (states.get(state) ?? 0), 0);
  return {
    total: states.values().reduce((sum, each) => sum + each, 0),
    succeeded: count("succeeded"),
    failed: count("failed", "interrupted"),
    running: count("running", "staging"),
    pending: count("pending", "staged"),
    skipped: count("skipped", "reverted"),
    offline: count("offline"),
    unknown: count("unknown"),
  };
}
