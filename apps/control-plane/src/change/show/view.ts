import { causesOf } from "@evenkeel/contracts/cause/find-causes";
import type { BatchView, Change, GroupView, StepView, TargetView } from "@evenkeel/contracts/change";
import type { PlannedBatch, PlannedGroup, PlannedTarget } from "@evenkeel/contracts/change-plan";
import type { ChangeAction, TargetTraffic } from "@evenkeel/contracts/change-state";
import { type GuardVerdict, guardName } from "@evenkeel/contracts/guard";
import type { ChangeId } from "@evenkeel/contracts/id";
import { batchOf, batchState, groupState } from "../batch.ts";
import { guardsOf } from "../guard/watch.ts";
import { CLOSING, OPENING, type Snapshot } from "../snapshot.ts";
import { LOST_TARGETS } from "../state.ts";
import type { ChangeRows, StepRow, VerdictRow } from "../store/snapshot.ts";
import { attemptsOf, once, plannedOf, trackOf, trafficOf } from "../track.ts";
import { actionsOf, batchActions, groupActions, targetActions } from "./actions.ts";
import { countTargets, showSummary } from "./summary.ts";

/** What is shown beside the rows of the change itself. */
export interface Shown {
  readonly rows: ChangeRows;
  readonly snapshot: Snapshot;
  /** Those that are shown; null = all. */
  readonly chosen: ReadonlySet<string> | null;
  readonly newer: ChangeId | null;
  readonly locks: Change["locks"];
  /** Ms since 1970. */
  readonly now: number;
}

/** The whole tree of a change, every node with the verbs that are legal now. */
export function showChange(shown: Shown): Change {
  const { rows, snapshot, newer, locks } = shown;
  const actions = actionsOf(rows.change, snapshot, newer);
  const { change } = rows;
  return {
    ...showSummary(shown),
    spec: change.spec,
    sequence: change.sequence,
    locks,
    services: [...new Set(change.plan.targets.flatMap(({ slot }) => slot ?? []))],
    opening: stepsOf(shown, OPENING),
    closing: stepsOf(shown, CLOSING),
    groups: change.plan.groups.map((group) => showGroup(shown, group, actions)),
    warnings: change.plan.warnings,
    leftBehind: change.left_behind,
  };
}

function showGroup(shown: Shown, group: PlannedGroup, actions: readonly ChangeAction[]): GroupView {
  const { snapshot } = shown;
  return {
    groupId: group.groupId,
    name: group.name,
    state: groupState(snapshot, group),
    after: group.after,
    batches: group.batches.map((batch) => showBatch(shown, { group, batch, actions })),
    allowedActions: groupActions(actions, snapshot, group),
  };
}

interface BatchPlace {
  readonly group: PlannedGroup;
  readonly batch: PlannedBatch;
  readonly actions: readonly ChangeAction[];
}

function showBatch(shown: Shown, { group, batch, actions }: BatchPlace): BatchView {
  const { snapshot, rows, now } = shown;
  const row = rows.batches.find((one) => one.batch_id === batch.batchId);
  const { confirmed, bakedMs } = batchOf(snapshot, batch);
  const state = batchState(snapshot, group, batch);
  const bakes = state === "baking" && snapshot.state === "running";
  return {
    batchId: batch.batchId,
    name: batch.name,
    beta: batch.beta,
    state,
    gate: batch.gate,
    confirmed,
    bakeMs: batch.bakeMs,
    bakedMs: Math.min(bakedMs, batch.bakeMs),
    bakesUntil: bakes ? new Date(now + batch.bakeMs - bakedMs).toISOString() : null,
    startedAt: row?.started_at ?? null,
    finishedAt: row?.finished_at ?? null,
    guards: rows.verdicts.filter((row) => row.batch_id === batch.batchId).map((row) => showVerdict(row, group)),
    targetCounts: {
      ...countTargets(snapshot, batch.targetIds),
      moves: batch.targetIds.filter((targetId) => plannedOf(snapshot.plan, targetId)?.hostId === null).length,
    },
    targets: batch.targetIds.flatMap((targetId) => {
      if (shown.chosen?.has(targetId) === false) return [];
      const planned = plannedOf(snapshot.plan, targetId);
      return planned === undefined ? [] : [showTarget(shown, planned, actions)];
    }),
    allowedActions: batchActions(actions, snapshot, batch),
  };
}

function showVerdict(row: VerdictRow, group: PlannedGroup): GuardVerdict {
  const guard = guardsOf(group)[row.guard];
  return {
    guard: row.guard,
    name: guard === undefined ? String(row.guard) : guardName(guard),
    action: guard?.action ?? "pause",
    when: row.moment,
    outcome: row.outcome,
    final: row.final,
    looks: row.looks,
    text: row.text,
    evidence: row.evidence,
    at: row.at,
    overruledBy: row.overruled_by,
  };
}

const targetRows = once((rows: ChangeRows["targets"]) => new Map(rows.map((row) => [row.target_id, row])));
const stepRows = once((rows: ChangeRows["steps"]) => Map.groupBy(rows, (row) => row.target_id));

/** One target with its steps. */
export function showTarget(
  shown: Pick<Shown, "rows" | "snapshot">,
  planned: PlannedTarget,
  actions: readonly ChangeAction[],
): TargetView {
  const { snapshot, rows } = shown;
  const { targetId } = planned;
  const row = targetRows(rows.targets).get(targetId);
  const track = trackOf(snapshot, targetId);
  const initial = (planned.facts.traffic ?? "none") as TargetTraffic;
  return {
    targetId,
    name: planned.name,
    hostId: planned.hostId,
    zone: planned.zone,
    state: row?.state ?? "pending",
    traffic: trafficOf(track, attemptsOf(snapshot, targetId), initial),
    from: planned.from,
    to: planned.to,
    startedAt: row?.started_at ?? null,
    finishedAt: row?.finished_at ?? null,
    problem: LOST_TARGETS.includes(row?.state ?? "pending") || row?.state === "offline" ? (row?.problem ?? null) : null,
    steps: stepsOf(shown, targetId),
    allowedActions: targetActions(actions, snapshot, targetId),
  };
}

/** Attempts as they were made, then the planned steps that are still ahead. */
function stepsOf({ rows, snapshot }: Pick<Shown, "rows" | "snapshot">, targetId: string): StepView[] {
  const track = trackOf(snapshot, targetId);
  const made = stepRows(rows.steps).get(targetId) ?? [];
  const shown = made.map((row) => showStep(row, track.find(({ step }) => step.name === row.name)?.step.on));
  const done = new Set(made.map(({ phase, name }) => `${phase}/${name}`));
  const ahead = track
    .filter(({ phase, step }) => !done.has(`${phase}/${step.name}`))
    .map(
      ({ phase, step }): StepView => ({
        id: null,
        name: step.name,
        type: step.type,
        on: step.on,
        phase,
        attempt: 0,
        state: "pending",
        startedAt: null,
        finishedAt: null,
        waitingFor: null,
        outcome: null,
        causes: [],
      }),
    );
  return [...shown, ...ahead];
}

function showStep(row: StepRow, on: "agent" | "control" | undefined): StepView {
  return {
    id: row.id,
    name: row.name,
    type: row.type,
    on: on ?? (row.command_id === null ? "control" : "agent"),
    phase: row.phase,
    attempt: row.attempt,
    state: row.state,
    startedAt: row.started_at ?? row.dispatched_at,
    finishedAt: row.finished_at,
    waitingFor: row.waiting_for,
    outcome: row.outcome,
    causes: row.outcome === null ? [] : causesOf(row.outcome),
  };
}
