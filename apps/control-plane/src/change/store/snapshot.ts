import type { Kysely, Selectable, Transaction } from "kysely";
import type { Database } from "../../database.ts";
import type { BatchSnapshot, Snapshot, StepAttempt, TargetSnapshot } from "../snapshot.ts";

export type ChangeRow = Selectable<Database["change"]>;
export type StepRow = Selectable<Database["change_step"]>;
export type TargetRow = Selectable<Database["change_target"]>;
export type BatchRow = Selectable<Database["change_batch"]>;

/** Everything that belongs to one change. */
export interface ChangeRows {
  readonly change: ChangeRow;
  readonly targets: readonly TargetRow[];
  readonly batches: readonly BatchRow[];
  readonly steps: readonly StepRow[];
  /** The state of the change that rolls it back. */
  readonly rollbackState: Snapshot["state"] | null;
}

/** Reads the rows that belong to a change; the caller holds its row, or accepts that they move. */
export async function readRows(db: Kysely<Database> | Transaction<Database>, change: ChangeRow): Promise<ChangeRows> {
  const targets = await db.selectFrom("change_target").selectAll().where("change_id", "=", change.id).execute();
  const batches = await db.selectFrom("change_batch").selectAll().where("change_id", "=", change.id).execute();
  const steps = await db
    .selectFrom("change_step")
    .selectAll()
    .where("change_id", "=", change.id)
    .orderBy("dispatched_at")
    .orderBy("id")
    .execute();
  const rollback =
    change.rollback_change_id === null
      ? undefined
      : await db.selectFrom("change").select("state").where("id", "=", change.rollback_change_id).executeTakeFirst();
  return { change, targets, batches, steps, rollbackState: rollback?.state ?? null };
}

/** The rows as the kernel's decisions see them. */
export function snapshotOf(rows: ChangeRows): Snapshot {
  const { change } = rows;
  return {
    changeId: change.id,
    state: change.state,
    plan: change.plan,
    isRollback: change.rollback_of !== null,
    pauseMode: change.pause_mode,
    pauseCause: change.pause_cause,
    rollback:
      change.rollback_change_id === null || rows.rollbackState === null
        ? null
        : { id: change.rollback_change_id, state: rows.rollbackState },
    targets: new Map(rows.targets.map((row) => [row.target_id, targetOf(row)])),
    batches: new Map(rows.batches.map((row) => [row.batch_id, batchOf(row)])),
    attempts: rows.steps.map(attemptOf),
  };
}

const targetOf = (row: TargetRow): TargetSnapshot => ({
  targetId: row.target_id,
  state: row.state,
  round: row.round,
  fromIndex: row.from_index,
  reattach: row.reattach,
  problem: row.problem,
});

const batchOf = (row: BatchRow): BatchSnapshot => ({
  batchId: row.batch_id,
  confirmed: row.confirmed,
  bakedMs: row.baked_ms,
  started: row.started_at !== null,
  finished: row.finished_at !== null,
});

const attemptOf = (row: StepRow): StepAttempt => ({
  id: row.id,
  targetId: row.target_id,
  phase: row.phase,
  name: row.name,
  attempt: row.attempt,
  round: row.round,
  state: row.state,
  commandId: row.command_id,
  revoking: row.revoking,
  elapsedMs: row.elapsed_ms,
  outcome: row.outcome,
  facts: row.facts,
});
