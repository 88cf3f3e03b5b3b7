import type { TargetState } from "@evenkeel/contracts/change-state";
import type { Problem } from "@evenkeel/contracts/error";
import type { ChangeId } from "@evenkeel/contracts/id";
import { sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";
import { CLOSING, OPENING } from "../snapshot.ts";
import { markOfClock } from "../stall.ts";
import { SETTLED_TARGETS } from "../state.ts";
import { NOW } from "./change.ts";
import { writeWithEvents } from "./event.ts";
import type { ChangeRows } from "./snapshot.ts";
import { chargeGuards, reopenVerdicts } from "./verdict.ts";

type Tx = Transaction<Database>;

export interface TargetMove {
  readonly targetId: string;
  readonly name: string;
  readonly from: TargetState;
  readonly to: TargetState;
  readonly problem: Problem | null;
}

/** Moves targets of one change, each to its next state. */
export async function moveTargets(tx: Tx, changeId: ChangeId, moves: readonly TargetMove[]): Promise<void> {
  if (moves.length === 0) return;
  const rows = moves.map(({ targetId, to, problem }) => ({
    targetId,
    to,
    settled: SETTLED_TARGETS.includes(to),
    ...(problem === null ? {} : { problem }),
  }));
  const told = moves.filter(({ targetId }) => targetId !== OPENING && targetId !== CLOSING);
  await writeWithEvents(tx, changeId, {
    write: sql`update change_target set state = moved."to", problem = moved.problem,
        started_at = coalesce(started_at, clock_timestamp()),
        finished_at = case when moved.settled then clock_timestamp() end
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as moved("targetId" text, "to" text, settled boolean, problem jsonb)
      where change_id = ${changeId} and target_id = moved."targetId"`,
    events: told.map(({ targetId, name, from, to, problem }) => ({
      type: "target",
      data: { id: targetId, name, from, to, ...(problem === null ? {} : { problem }) },
    })),
  });
}

/**
 * The rows after these moves, as far as decisions read them. Read anew they would be the same; of a change with thousands of targets
 * that takes longer than everything else in a look.
 */
export function afterMoves<Rows extends ChangeRows>(
  rows: Rows,
  moves: readonly Pick<TargetMove, "targetId" | "to" | "problem">[],
): Rows {
  const moved = new Map(moves.map(({ targetId, to, problem }) => [targetId, { state: to, problem }]));
  return { ...rows, targets: rows.targets.map((row) => ({ ...row, ...moved.get(row.target_id) })) };
}

/** A retry: the steps of each target from this index on must succeed anew. */
export async function beginRounds(
  tx: Tx,
  changeId: ChangeId,
  targets: readonly { readonly targetId: string; readonly fromIndex: number }[],
): Promise<void> {
  if (targets.length === 0) return;
  await sql`update change_target set round = round + 1, from_index = begun."fromIndex"
    from jsonb_to_recordset(${JSON.stringify(targets)}::jsonb) as begun("targetId" text, "fromIndex" int)
    where change_id = ${changeId} and target_id = begun."targetId"`.execute(tx);
}

/** What runs on skipped targets is to get its traffic back. */
export async function markReattach(tx: Tx, changeId: ChangeId, targetIds: readonly string[]): Promise<void> {
  await sql`update change_target set reattach = true
    where change_id = ${changeId} and target_id = any(${targetIds})`.execute(tx);
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
  await writeWithEvents(tx, batch.changeId, {
    write: tx
      .updateTable("change_batch")
      .set(set)
      .where("change_id", "=", batch.changeId)
      .where("batch_id", "=", batch.batchId),
    events: [{ type: "batch", data: { id: batch.batchId, name: batch.name, to } }],
  });
  if (to === "reopened") await reopenVerdicts(tx, batch);
}

/** Adds time that has passed under this worker's eyes to batches that bake and to control steps that wait. */
export async function chargeTime(
  tx: Tx,
  changeId: ChangeId,
  charges: readonly { readonly id: string; readonly ms: number }[],
): Promise<void> {
  if (charges.length === 0) return;
  const charge = sql`jsonb_to_recordset(${JSON.stringify(charges)}::jsonb) as charge(id text, ms bigint)`;
  await sql`with baked as (update change_batch set baked_ms = baked_ms + charge.ms from ${charge}
      where change_id = ${changeId} and batch_id = charge.id)
    update change_step set elapsed_ms = elapsed_ms + charge.ms from ${charge}
    where change_id = ${changeId} and change_step.id = charge.id`.execute(tx);
  await chargeGuards(tx, changeId, charges);
  await chargeIdle(tx, changeId, charges);
}

/** Time without progress; what belongs to another mark is over. */
async function chargeIdle(
  tx: Tx,
  changeId: ChangeId,
  charges: readonly { readonly id: string; readonly ms: number }[],
): Promise<void> {
  for (const { id, ms } of charges) {
    const mark = markOfClock(id);
    if (mark === null) continue;
    await sql`update change set idle_mark = ${mark},
        idle_ms = case when idle_mark = ${mark} then idle_ms else 0 end + ${ms}
      where id = ${changeId}`.execute(tx);
  }
}
