import type { PlannedBatch, PlannedGroup } from "@evenkeel/contracts/change-plan";
import { type BatchState, type GroupState, isTerminal } from "@evenkeel/contracts/change-state";
import { waitsForTraffic } from "./gate.ts";
import type { BatchSnapshot, Snapshot } from "./snapshot.ts";
import { LOST_TARGETS, SETTLED_TARGETS } from "./state.ts";

const FRESH = { confirmed: false, bakedMs: 0, started: false, finished: false, watchedMs: 0 } as const;

/** The stored part of a batch. */
export function batchOf(snapshot: Snapshot, batch: PlannedBatch): BatchSnapshot {
  return snapshot.batches.get(batch.batchId) ?? { batchId: batch.batchId, ...FRESH };
}

const stateOf = (snapshot: Snapshot, targetId: string) => snapshot.targets.get(targetId)?.state ?? "pending";

/** True when no target of the batch is in hand or ahead. */
export function isSettled(snapshot: Snapshot, batch: PlannedBatch): boolean {
  return batch.targetIds.every((id) => SETTLED_TARGETS.includes(stateOf(snapshot, id)));
}

/** The targets of the batch that count against the budget. */
export function lostTargets(snapshot: Snapshot, batch: PlannedBatch): string[] {
  return batch.targetIds.filter((id) => LOST_TARGETS.includes(stateOf(snapshot, id)));
}

/** A batch bakes when something in it succeeded; `waitsForPerson` says whether it is the next one and unconfirmed. */
export function needsBake(snapshot: Snapshot, batch: PlannedBatch): boolean {
  const { bakedMs } = batchOf(snapshot, batch);
  return bakedMs < batch.bakeMs && batch.targetIds.some((id) => stateOf(snapshot, id) === "succeeded");
}

function stateAhead(snapshot: Snapshot, group: PlannedGroup, batch: PlannedBatch): BatchState {
  // Everything in it was lost while it was staged.
  if (isSettled(snapshot, batch) && lostTargets(snapshot, batch).length > 0) return "failed";
  if (isTerminal(snapshot.state)) return "pending";
  const isNext = nextBatch(snapshot, group)?.batchId === batch.batchId;
  return isNext && batch.gate === "start" && !batchOf(snapshot, batch).confirmed && isReady(snapshot, group)
    ? "awaiting-confirmation"
    : "pending";
}

/** The state of a batch, from its targets. */
export function batchState(snapshot: Snapshot, group: PlannedGroup, batch: PlannedBatch): BatchState {
  const stored = batchOf(snapshot, batch);
  if (!stored.started) return stateAhead(snapshot, group, batch);
  const isOver = isTerminal(snapshot.state);
  if (!isOver && !isSettled(snapshot, batch))
    return waitsForTraffic(snapshot, batch) ? "awaiting-confirmation" : "running";
  if (lostTargets(snapshot, batch).length > 0) return "failed";
  if (stored.finished) return "succeeded";
  // Its rollback is under way or over, or somebody ended the change: nothing of it goes on any more.
  if (isOver || snapshot.state === "rolling-back") return "ended";
  // Until its guards have had their last look it bakes as well.
  return batch.targetIds.some((id) => stateOf(snapshot, id) === "succeeded") ? "baking" : "running";
}

/** The first batch that is not finished. */
export function nextBatch(snapshot: Snapshot, group: PlannedGroup): PlannedBatch | null {
  return group.batches.find((batch) => !batchOf(snapshot, batch).finished) ?? null;
}

/** True when every batch of the group is finished. */
export function isGroupFinished(snapshot: Snapshot, group: PlannedGroup): boolean {
  return nextBatch(snapshot, group) === null;
}

/** The targets of the group that count against its budget. */
export function groupLosses(snapshot: Snapshot, group: PlannedGroup): string[] {
  return group.batches.flatMap((batch) => lostTargets(snapshot, batch));
}

/** True when the groups before it are finished without loss. */
export function isReady(snapshot: Snapshot, group: PlannedGroup): boolean {
  return group.after.every((id) => {
    const before = snapshot.plan.groups.find((other) => other.groupId === id);
    return before === undefined || (isGroupFinished(snapshot, before) && groupLosses(snapshot, before).length === 0);
  });
}

function stateOfEnded(batches: readonly BatchState[]): GroupState {
  if (batches.includes("failed")) return "failed";
  return batches.every((state) => state === "pending") ? "pending" : "ended";
}

/** The state of a group, from its batches. */
export function groupState(snapshot: Snapshot, group: PlannedGroup): GroupState {
  if (isGroupFinished(snapshot, group)) return groupLosses(snapshot, group).length > 0 ? "failed" : "succeeded";
  const states = group.batches.map((batch) => batchState(snapshot, group, batch));
  if (isTerminal(snapshot.state)) return stateOfEnded(states);
  if (states.some((state) => state === "running" || state === "baking")) return "running";
  if (states.includes("awaiting-confirmation")) return "awaiting-confirmation";
  if (states.includes("failed")) return "failed";
  return states.some((state) => state === "succeeded" || state === "ended") ? "running" : "pending";
}
