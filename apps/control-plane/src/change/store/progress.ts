import type { TargetState } from "@evenkeel/contracts/change-state";
import type { Problem } from "@evenkeel/contracts/error";
import type { ChangeId } from "@evenkeel/contracts/id";
import { sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";
import { CLOSING, OPENING } from "../snapshot.ts";
import { SETTLED_TARGETS } from "../state.ts";
import { NOW } from "./change.ts";
import { appendEvents } from "./event.ts";
import { chargeGuards, reopenVerdicts } from "./verdict.ts";

type Tx = Transaction<Database>;

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

/** What runs on a skipped target is to get its traffic back. */
export async function markReattach(tx: Tx, changeId: ChangeId, targetId: string): Promise<void> {
  await tx
    .updateTable("change_target")
    .set({ reattach: true })
    .where("change_id", "=", changeId)
    .where("target_id", "=", targetId)
    .execute();
}

/** Opens the gates of batches. */
export async function confirmBatches(tx: Tx, changeId: ChangeId, batchIds: readonly string[]): Promise<void> {
  await tx
    .updateTable("change_batch")
    .set({ confirmed: true })
    .where("change_id", "=", changeId)
    .where("batch_id", "in", [...batchIds])
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
  if (to === "reopened") await reopenVerdicts(tx, batch);
  await appendEvents(tx, batch.changeId, [{ type: "batch", data: { id: batch.batchId, name: batch.name, to } }]);
}

/** Adds time that has passed under this worker's eyes to batches that bake and to control steps that wait. */
export async function chargeTime(
  tx: Tx,
  changeId: ChangeId,
  charges: readonly { readonly id: string; readonly ms: number }[],
): Promise<void> {
  if (charges.length === 0) return;
  const charge = sql`jsonb_to_recordset(${JSON.stringify(charges)}::jsonb) as charge(id text, ms bigint)`;
  await sql`update change_batch set baked_ms = baked_ms + charge.ms from ${charge}
    where change_id = ${changeId} and batch_id = charge.id`.execute(tx);
  await sql`update change_step set elapsed_ms = elapsed_ms + charge.ms from ${charge}
    where change_id = ${changeId} and change_step.id = charge.id`.execute(tx);
  await chargeGuards(tx, changeId, charges);
}
