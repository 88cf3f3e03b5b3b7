/**
 * What a worker keeps of a change's targets and steps from one look to the next: of thousands only those are read again that have moved.
 * 1. Whoever writes what decisions read holds the change's row, and an event of the same transaction names the row that moved:
 *    what has moved since a sequence is what the events after it name.
 * 2. Without an event move the change's own tracks, the time of control steps in hand, and what is called back: these are read each time.
 * 3. What a person does, and what moves the change as a whole, is told by events of other types: then everything is read anew.
 * 4. What a look wrote itself is read back at the next one, by its events. After an error, or where the database may be another one, nothing is kept.
 */
import { type RawBuilder, sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";
import { CLOSING, OPENING } from "../snapshot.ts";
import type { ChangeRow, ChangeRows } from "./snapshot.ts";

type Moving = Pick<
  ChangeRow,
  | "state"
  | "finished_at"
  | "pause_mode"
  | "pause_cause"
  | "idle_ms"
  | "idle_mark"
  | "rollback_demand"
  | "rollback_change_id"
>;

export type FreshRows = ChangeRows & {
  readonly epoch: number;
  /** Of the last event that these rows know of. */
  readonly sequence: number;
};

export type KeptRows = Pick<FreshRows, "targets" | "steps" | "epoch" | "sequence">;

type Answer = Moving & Omit<FreshRows, "change"> & { readonly whole: boolean };

/** Types of events that name each row which has moved, or concern none that is kept. */
export const NAMING = ["step", "target", "batch", "output", "guard"];

/** Reads in one statement what may have moved since the row was read; the plan of a started change does not. */
export async function rereadRows(
  tx: Transaction<Database>,
  change: ChangeRow,
  kept: KeptRows | null,
): Promise<FreshRows> {
  const moved = await ask(tx, change, kept);
  // A sequence or an epoch of before: it is another database than the one that was read.
  const isOther = kept !== null && (moved.sequence < kept.sequence || moved.epoch !== kept.epoch);
  if (kept === null || (!moved.whole && !isOther)) return rowsOf(change, moved, kept);
  return rowsOf(change, await ask(tx, change, null), null);
}

async function ask(tx: Transaction<Database>, change: ChangeRow, kept: KeptRows | null): Promise<Answer> {
  const since = kept?.sequence ?? null;
  const where = (narrow: RawBuilder<boolean>) => (since === null ? sql`true` : sql`(${narrow})`);
  const of = (table: string, order: string, narrow = sql<boolean>`true`) =>
    sql`(select coalesce(json_agg(one order by ${sql.raw(order)}), '[]') from ${sql.table(table)} one
      where change_id = change.id and ${where(narrow)})`;
  const ofTargets = sql<boolean>`target_id in (${OPENING}, ${CLOSING}) or target_id in (select id from moved where type = 'target')`;
  const ofSteps = sql<boolean>`id in (select id from moved where type = 'step') or revoking or (state = 'running' and command_id is null)`;
  const { rows } = await sql<Answer>`
    with moved as materialized (
      select type, data ->> 'id' as id from change_event where change_id = ${change.id} and sequence > ${since}
    )
    select state, finished_at, pause_mode, pause_cause, idle_ms, idle_mark, rollback_demand, rollback_change_id, sequence,
      (select epoch from installation) as epoch,
      (select other.state from change other where other.id = change.rollback_change_id) as "rollbackState",
      exists (select from moved where type <> all(${NAMING})) as whole,
      ${of("change_target", "target_id", ofTargets)} as targets,
      ${of("change_batch", "batch_id")} as batches,
      ${of("change_step", "dispatched_at, id", ofSteps)} as steps,
      ${of("change_verdict", "guard, moment desc")} as verdicts
    from change where id = ${change.id}`.execute(tx);
  return rows[0]!;
}

function rowsOf(change: ChangeRow, answer: Answer, kept: KeptRows | null): FreshRows {
  const { epoch, sequence, rollbackState, batches, verdicts, whole: _, ...read } = answer;
  const { targets, steps, ...moving } = read;
  return {
    change: { ...change, ...moving },
    ...{ epoch, sequence, rollbackState, batches, verdicts },
    targets: kept === null ? targets : merged(kept.targets, targets, ({ target_id }) => target_id),
    steps: kept === null ? steps : merged(kept.steps, steps, ({ id }) => id),
  };
}

/** In the order of what was kept; what is new comes last, as it was written last. */
function merged<Row>(kept: readonly Row[], read: readonly Row[], idOf: (row: Row) => string): readonly Row[] {
  if (read.length === 0) return kept;
  const news = new Map(read.map((row) => [idOf(row), row]));
  const stayed = kept.map((row) => {
    const id = idOf(row);
    const anew = news.get(id) ?? row;
    news.delete(id);
    return anew;
  });
  return [...stayed, ...news.values()];
}
