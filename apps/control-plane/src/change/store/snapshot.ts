import { type Kysely, type Selectable, sql } from "kysely";
import type { Database } from "../../database.ts";
import {
  type BatchSnapshot,
  CLOSING,
  OPENING,
  type Snapshot,
  type StepAttempt,
  type TargetSnapshot,
  type VerdictSnapshot,
} from "../snapshot.ts";
import { LOST_TARGETS } from "../state.ts";

export type ChangeRow = Selectable<Database["change"]>;
export type StepRow = Selectable<Database["change_step"]>;
export type TargetRow = Selectable<Database["change_target"]>;
export type BatchRow = Selectable<Database["change_batch"]>;
export type VerdictRow = Selectable<Database["change_verdict"]>;

/** Everything that belongs to one change. */
export interface ChangeRows {
  readonly change: ChangeRow;
  readonly targets: readonly TargetRow[];
  readonly batches: readonly BatchRow[];
  readonly steps: readonly StepRow[];
  readonly verdicts: readonly VerdictRow[];
  /** The state of the change that rolls it back. */
  readonly rollbackState: Snapshot["state"] | null;
}

/** Of the change as a whole, without a known end, or of a target that was lost. */
const isTelling = sql<boolean>`(target_id in (${OPENING}, ${CLOSING}) or state = 'unknown' or exists (
  select from change_target where change_target.change_id = change_step.change_id
    and change_target.target_id = change_step.target_id and change_target.state = any(${LOST_TARGETS})))`;

const NO_ROWS = { targets: [], batches: [], steps: [], verdicts: [], rollbackState: null } as const;

/** Reads the rows that belong to a change; the caller holds its row, or accepts that they move. */
export async function readRows(db: Kysely<Database>, change: ChangeRow): Promise<ChangeRows> {
  const [rows] = await readRowsOfMany(db, [change]);
  return rows!;
}

/** The same for many changes, in as many statements as for one; for lists, of their steps only those that say what may be done. */
export async function readRowsOfMany(
  db: Kysely<Database>,
  changes: readonly ChangeRow[],
  { telling = false }: { readonly telling?: boolean } = {},
): Promise<ChangeRows[]> {
  if (changes.length === 0) return [];
  // What has not begun has no rows yet: nobody need ask for them.
  const ids = changes.flatMap(({ id, started_at }) => (started_at === null ? [] : [id]));
  if (ids.length === 0) return changes.map((change) => ({ change, ...NO_ROWS }));
  const rollbackIds = changes.flatMap((change) => change.rollback_change_id ?? []);
  const targets = await (telling
    ? readStatesOfMany(db, ids)
    : db.selectFrom("change_target").selectAll().where("change_id", "in", ids).execute());
  const batches = await db.selectFrom("change_batch").selectAll().where("change_id", "in", ids).execute();
  const steps = await db
    .selectFrom("change_step")
    .selectAll()
    .where("change_id", "in", ids)
    .$if(telling, (query) => query.where(isTelling))
    .orderBy("dispatched_at")
    .orderBy("id")
    .execute();
  const verdicts = await db
    .selectFrom("change_verdict")
    .selectAll()
    .where("change_id", "in", ids)
    .orderBy("guard")
    .orderBy("moment", "desc")
    .execute();
  const rollbacks =
    rollbackIds.length === 0
      ? []
      : await db.selectFrom("change").select(["id", "state"]).where("id", "in", rollbackIds).execute();
  const stateOf = new Map(rollbacks.map(({ id, state }) => [id, state]));
  const mine = {
    targets: Map.groupBy(targets, (row) => row.change_id),
    batches: Map.groupBy(batches, (row) => row.change_id),
    steps: Map.groupBy(steps, (row) => row.change_id),
    verdicts: Map.groupBy(verdicts, (row) => row.change_id),
  };
  return changes.map((change) => ({
    change,
    targets: mine.targets.get(change.id) ?? [],
    batches: mine.batches.get(change.id) ?? [],
    steps: mine.steps.get(change.id) ?? [],
    verdicts: mine.verdicts.get(change.id) ?? [],
    rollbackState: change.rollback_change_id === null ? null : (stateOf.get(change.rollback_change_id) ?? null),
  }));
}

/** Where all targets of a change stand, and nothing else of them. */
export async function readStates(db: Kysely<Database>, changeId: ChangeRow["id"]): Promise<TargetRow[]> {
  return await readStatesOfMany(db, [changeId]);
}

async function readStatesOfMany(db: Kysely<Database>, ids: readonly ChangeRow["id"][]): Promise<TargetRow[]> {
  const rows = await db
    .selectFrom("change_target")
    .select(["change_id", "target_id", "state", "round", "from_index", "reattach"])
    .where("change_id", "in", ids)
    .execute();
  return rows.map((row) => ({ ...row, problem: null, started_at: null, finished_at: null }));
}

export interface PartOfRows {
  readonly change: ChangeRow;
  readonly states: readonly TargetRow[];
  /** These are read whole. */
  readonly targetIds: readonly string[];
  readonly withSteps: readonly string[];
}

/** The rows of a change with the steps of some targets, and with all steps of which nobody knows what became of them. */
export async function readPart(
  db: Kysely<Database>,
  { change, states, targetIds, withSteps }: PartOfRows,
): Promise<ChangeRows> {
  const some = (ids: readonly string[]) => sql<string>`any(${ids})`;
  const whole = await db
    .selectFrom("change_target")
    .selectAll()
    .where("change_id", "=", change.id)
    .where("target_id", "=", some(targetIds))
    .execute();
  const steps = await db
    .selectFrom("change_step")
    .selectAll()
    .where("change_id", "=", change.id)
    .where((eb) => eb.or([eb("target_id", "=", some(withSteps)), eb("state", "=", "unknown")]))
    .orderBy("dispatched_at")
    .orderBy("id")
    .execute();
  const wholeOf = new Map(whole.map((row) => [row.target_id, row]));
  const targets = states.map((row) => wholeOf.get(row.target_id) ?? row);
  return { ...(await readFrame(db, change)), change, targets, steps };
}

async function readFrame(db: Kysely<Database>, change: ChangeRow) {
  const batches = await db.selectFrom("change_batch").selectAll().where("change_id", "=", change.id).execute();
  const verdicts = await db
    .selectFrom("change_verdict")
    .selectAll()
    .where("change_id", "=", change.id)
    .orderBy("guard")
    .orderBy("moment", "desc")
    .execute();
  const rollback =
    change.rollback_change_id === null
      ? undefined
      : await db.selectFrom("change").select("state").where("id", "=", change.rollback_change_id).executeTakeFirst();
  return { batches, verdicts, rollbackState: rollback?.state ?? null };
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
    idle: { mark: change.idle_mark, ms: change.idle_ms },
    rollback:
      change.rollback_change_id === null || rows.rollbackState === null
        ? null
        : { id: change.rollback_change_id, state: rows.rollbackState },
    targets: new Map(rows.targets.map((row) => [row.target_id, targetOf(row)])),
    batches: new Map(rows.batches.map((row) => [row.batch_id, batchOf(row)])),
    attempts: rows.steps.map(attemptOf),
    verdicts: rows.verdicts.map(verdictOf),
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
  watchedMs: row.watched_ms,
});

const verdictOf = (row: VerdictRow): VerdictSnapshot => ({
  batchId: row.batch_id,
  guard: row.guard,
  when: row.moment,
  outcome: row.outcome,
  final: row.final,
  looks: row.looks,
  asking: row.asking,
  elapsedMs: row.elapsed_ms,
  statusUrl: row.status_url,
  text: row.text,
  overruled: row.overruled_by !== null,
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
