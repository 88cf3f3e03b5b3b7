import type { Outcome } from "@evenkeel/contracts/agent-protocol";
import type { PlannedStep, StepState, TargetState } from "@evenkeel/contracts/change";
import type { Problem } from "@evenkeel/contracts/error";
import type { ChangeId, CommandId, StepId } from "@evenkeel/contracts/id";
import { sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";
import { CLOSING, OPENING, type Phase } from "../snapshot.ts";
import { SETTLED_TARGETS } from "../state.ts";
import { NOW } from "./change.ts";
import { appendEvents, type NewEvent } from "./event.ts";

type Tx = Transaction<Database>;

export interface NewAttempt {
  readonly id: StepId;
  readonly changeId: ChangeId;
  readonly targetId: string;
  readonly phase: Phase;
  readonly step: PlannedStep;
  readonly attempt: number;
  readonly round: number;
  readonly state: "dispatched" | "running";
  readonly commandId: CommandId | null;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Stores one attempt of a step. */
export async function insertAttempt(tx: Tx, attempt: NewAttempt): Promise<void> {
  await tx
    .insertInto("change_step")
    .values({
      id: attempt.id,
      change_id: attempt.changeId,
      target_id: attempt.targetId,
      phase: attempt.phase,
      name: attempt.step.name,
      type: attempt.step.type,
      attempt: attempt.attempt,
      round: attempt.round,
      state: attempt.state,
      command_id: attempt.commandId,
      waiting_for: null,
      facts: JSON.stringify(attempt.facts),
      started_at: attempt.state === "running" ? sql<string>`clock_timestamp()` : null,
    })
    .execute();
  await appendEvents(tx, attempt.changeId, [stepEvent(attempt, { to: attempt.state, attempt: attempt.attempt })]);
}

function stepEvent(
  step: { readonly id: StepId; readonly targetId: string; readonly step: { readonly name: string } },
  more: Record<string, unknown>,
): NewEvent {
  return { type: "step", data: { id: step.id, targetId: step.targetId, name: step.step.name, ...more } };
}

export interface EndedAttempt {
  readonly id: StepId;
  readonly changeId: ChangeId;
  readonly targetId: string;
  readonly name: string;
  readonly from: StepState;
}

/** Ends an attempt, with its outcome and what it found out. */
export async function endAttempt(
  tx: Tx,
  attempt: EndedAttempt,
  end: { readonly to: StepState; readonly outcome: Outcome | null; readonly facts?: Readonly<Record<string, unknown>> },
): Promise<void> {
  await tx
    .updateTable("change_step")
    .set({
      state: end.to,
      waiting_for: null,
      ...(end.outcome === null ? {} : { outcome: JSON.stringify(end.outcome) }),
      ...(end.facts === undefined ? {} : { facts: sql<string>`facts || ${JSON.stringify(end.facts)}::jsonb` }),
      // An unknown step has not ended: its outcome may still come.
      ...(end.to === "unknown" ? {} : { finished_at: NOW }),
    })
    .where("id", "=", attempt.id)
    .execute();
  const problem = end.outcome !== null && end.outcome.kind !== "succeeded" ? { problem: end.outcome.problem } : {};
  await appendEvents(tx, attempt.changeId, [
    {
      type: "step",
      data: {
        id: attempt.id,
        targetId: attempt.targetId,
        name: attempt.name,
        from: attempt.from,
        to: end.to,
        ...problem,
      },
    },
  ]);
}

interface TargetMove {
  readonly changeId: ChangeId;
  readonly targetId: string;
  readonly name: string;
  readonly from: TargetState;
  readonly to: TargetState;
  readonly problem: Problem | null;
}

/** Moves a target to its next state. */
export async function moveTarget(tx: Tx, move: TargetMove): Promise<void> {
  await tx
    .updateTable("change_target")
    .set({
      state: move.to,
      problem: move.problem === null ? null : JSON.stringify(move.problem),
      started_at: sql<string>`coalesce(started_at, clock_timestamp())`,
      finished_at: SETTLED_TARGETS.includes(move.to) ? NOW : null,
    })
    .where("change_id", "=", move.changeId)
    .where("target_id", "=", move.targetId)
    .execute();
  if (move.targetId === OPENING || move.targetId === CLOSING) return;
  const problem = move.problem === null ? {} : { problem: move.problem };
  const data = { id: move.targetId, name: move.name, from: move.from, to: move.to, ...problem };
  await appendEvents(tx, move.changeId, [{ type: "target", data }]);
}

/** A retry: the target's steps from this index on must succeed anew. */
export async function beginRound(
  tx: Tx,
  target: { readonly changeId: ChangeId; readonly targetId: string; readonly fromIndex: number },
): Promise<void> {
  await tx
    .updateTable("change_target")
    .set((eb) => ({ round: eb("round", "+", 1), from_index: target.fromIndex }))
    .where("change_id", "=", target.changeId)
    .where("target_id", "=", target.targetId)
    .execute();
}

/** Marks a batch as begun or done. */
export async function markBatch(
  tx: Tx,
  batch: { readonly changeId: ChangeId; readonly batchId: string; readonly name: string },
  to: "started" | "finished" | "reopened",
): Promise<void> {
  const set = to === "started" ? { started_at: NOW } : to === "finished" ? { finished_at: NOW } : { finished_at: null };
  await tx
    .updateTable("change_batch")
    .set(set)
    .where("change_id", "=", batch.changeId)
    .where("batch_id", "=", batch.batchId)
    .execute();
  await appendEvents(tx, batch.changeId, [{ type: "batch", data: { id: batch.batchId, name: batch.name, to } }]);
}

/** Adds time that has passed under this worker's eyes to batches that bake and to control steps that wait. */
export async function chargeTime(
  tx: Tx,
  changeId: ChangeId,
  charge: { readonly batchIds: readonly string[]; readonly stepIds: readonly StepId[]; readonly elapsedMs: number },
): Promise<void> {
  const ms = Math.round(charge.elapsedMs);
  if (ms <= 0) return;
  if (charge.batchIds.length > 0) {
    await tx
      .updateTable("change_batch")
      .set((eb) => ({ baked_ms: eb("baked_ms", "+", ms) }))
      .where("change_id", "=", changeId)
      .where("batch_id", "in", [...charge.batchIds])
      .execute();
  }
  if (charge.stepIds.length > 0) {
    await tx
      .updateTable("change_step")
      .set((eb) => ({ elapsed_ms: eb("elapsed_ms", "+", ms) }))
      .where("id", "in", [...charge.stepIds])
      .execute();
  }
}
