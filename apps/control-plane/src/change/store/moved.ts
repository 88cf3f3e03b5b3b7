/**
 * What is read for who watches a change: only what has moved, in one statement. A busy control plane pays for each round trip with a turn of
 * its event loop, and one statement is one snapshot of the database.
 * 1. Whoever moves a target writes an event that names it, under the lock of the change's row (`reread.ts`): the states that are kept hold
 *    for all that no event after their sequence names. Events of other types, or more than are read at once: all states are read anew.
 * 2. A move of the change as a whole alters what may be done with targets that have not moved: as many as a tree has are shown with it.
 * 3. What a step waits for changes without an event: targets with such a step are shown with every look.
 * 4. The steps of a target are read when it has moved, when it was lost, while it is behind a gate, and when nobody knows what became of one.
 */
import { type ChangeEvent, TREE_TARGETS } from "@evenkeel/contracts/change";
import type { Plan } from "@evenkeel/contracts/change-plan";
import { PlatformError } from "@evenkeel/contracts/error";
import type { ChangeId, TenantId } from "@evenkeel/contracts/id";
import { type Kysely, type RawBuilder, sql } from "kysely";
import type { Database } from "../../database.ts";
import { CLOSING, OPENING } from "../snapshot.ts";
import { LOST_TARGETS, SETTLED_TARGETS } from "../state.ts";
import { BESIDE_PLAN } from "./known-plan.ts";
import { NAMING } from "./reread.ts";
import type { BatchRow, ChangeRow, ChangeRows, StepRow, TargetRow, VerdictRow } from "./snapshot.ts";

const READ_AT_ONCE = 5000;

/** Where the targets of a change stand, as of an event. */
export interface KeptStates {
  readonly sequence: number;
  readonly states: ReadonlyMap<string, TargetRow>;
}

export interface MovedSince {
  readonly tenantId: TenantId;
  readonly changeId: ChangeId;
  /** The last event that the watcher has. */
  readonly after: number;
  readonly plan: Plan;
  readonly kept: KeptStates | null;
}

/** A change of which only what has moved is there, but for where its targets stand. */
export interface MovedRows {
  readonly rows: Omit<ChangeRows, "change"> & { readonly change: Omit<ChangeRow, "plan"> };
  readonly kept: KeptStates;
  /** The targets that have moved after the watcher's event. */
  readonly moved: readonly string[];
  /** Those that were read whole: what has moved or, of very many, none; and those with which other things may be done now. */
  readonly shown: readonly string[];
  readonly outputs: readonly ChangeEvent[];
  /** Of the last event that this knows of; the change may have come further. */
  readonly sequence: number;
  /** Something may have moved that has no event of its own sort. */
  readonly whole: boolean;
}

interface Answer {
  readonly change: Omit<ChangeRow, "plan">;
  readonly rollbackState: ChangeRows["rollbackState"];
  readonly whole: boolean;
  readonly count: number;
  readonly last: number | null;
  readonly moved: readonly string[];
  readonly shown: readonly string[];
  readonly outputs: readonly ChangeEvent[];
  readonly states: readonly [string, TargetRow["state"], number, number, boolean][];
  readonly targets: readonly TargetRow[];
  readonly batches: readonly BatchRow[];
  readonly steps: readonly StepRow[];
  readonly verdicts: readonly VerdictRow[];
}

/** Reads what has moved in a change after an event. */
export async function readMovedRows(db: Kysely<Database>, since: MovedSince): Promise<MovedRows> {
  const answer = await ask(db, since);
  const { whole, moved, shown } = answer;
  const change = withMoments(answer.change, OF_CHANGE);
  const kept = whole || since.kept === null ? new Map<string, TargetRow>() : new Map(since.kept.states);
  for (const [target_id, state, round, from_index, reattach] of answer.states) {
    const row = { change_id: change.id, target_id, state, round, from_index, reattach };
    kept.set(target_id, { ...row, problem: null, started_at: null, finished_at: null });
  }
  const targets = new Map(kept);
  for (const row of answer.targets) targets.set(row.target_id, withMoments(row, OF_TARGET));
  return {
    rows: {
      change,
      rollbackState: answer.rollbackState,
      targets: [...targets.values()],
      batches: answer.batches.map((row) => withMoments(row, OF_TARGET)),
      steps: answer.steps.map((row) => withMoments(row, OF_STEP)),
      verdicts: answer.verdicts.map((row) => withMoments(row, AT)),
    },
    kept: { sequence: change.sequence, states: kept },
    ...{ moved, shown, whole },
    outputs: answer.outputs.map((row) => withMoments(row, AT)),
    // Of more than one reading's worth the rest comes with the next look.
    sequence: answer.count < READ_AT_ONCE ? change.sequence : (answer.last ?? change.sequence),
  };
}

const gatedIn = ({ groups }: Plan): string[] =>
  groups.flatMap(({ batches }) => batches).flatMap(({ gate, targetIds }) => (gate === "traffic" ? targetIds : []));

const all = (what: RawBuilder<unknown>, order: string) =>
  sql`(select coalesce(json_agg(one order by ${sql.raw(order)}), '[]') from (${what}) one)`;

async function ask(db: Kysely<Database>, { tenantId, changeId, after, plan, kept }: MovedSince): Promise<Answer> {
  const since = kept?.sequence ?? null;
  const gated = gatedIn(plan);
  const { rows } = await sql<Answer>`
    with mine as materialized (
      select ${sql.join(BESIDE_PLAN.map((name) => sql.ref(name)))},
        -- Who claims to have more than there is sees what comes next, like every other watcher.
        least(${after}::bigint, sequence) as seen
      from change where id = ${changeId} and tenant_id = ${tenantId}
    ), event as materialized (
      select sequence, at, type, data, sequence > (select seen from mine) as fresh
      from change_event where change_id = ${changeId} and sequence > (select least(seen, ${since}::bigint) from mine)
      order by sequence limit ${READ_AT_ONCE}
    ), moved as materialized (
      select case type when 'target' then data ->> 'id' else data ->> 'targetId' end as id, bool_or(fresh) as fresh
      from event where type in ('target', 'step') group by 1
    ), told as materialized (
      select id from moved where fresh and id not in (${OPENING}, ${CLOSING})
    ), reading as materialized (
      select ${since}::bigint is null or ${since}::bigint > mine.sequence
          or (select count(*) from event) >= ${READ_AT_ONCE}
          or exists (select from event where type <> all(${NAMING})) as whole,
        exists (select from event where fresh and type <> all(${NAMING})) as altered,
        case when (select count(*) from told) > ${TREE_TARGETS} then 0 else (select count(*) from told) end as telling
      from mine
    ), shown as materialized (
      select id from told, reading where telling > 0 union
      (select target_id from change_target, reading
        where change_id = ${changeId} and altered and target_id not in (${OPENING}, ${CLOSING})
        order by state = any(${LOST_TARGETS}) desc, state in ('running', 'staging') desc, target_id
        limit (select ${TREE_TARGETS} - telling from reading)) union
      (select target_id from change_step
        where change_id = ${changeId} and waiting_for is not null and target_id not in (${OPENING}, ${CLOSING}) limit ${TREE_TARGETS})
    ), wanted as materialized (
      select id from shown union values (${OPENING}), (${CLOSING}) union
      select target_id from change_target where change_id = ${changeId} and
        (state = any(${LOST_TARGETS}) or target_id = any(${gated}) and state <> all(${SETTLED_TARGETS}))
    )
    select to_json(mine) as change, reading.whole,
      (select other.state from change other where other.id = mine.rollback_change_id) as "rollbackState",
      (select count(*)::int from event) as count, (select max(sequence) from event) as last,
      (select coalesce(json_agg(id), '[]') from told) as moved,
      (select coalesce(json_agg(id), '[]') from shown) as shown,
      ${all(sql`select sequence, at, type, data from event where type = 'output' and fresh`, "sequence")} as outputs,
      (select coalesce(json_agg(json_build_array(target_id, state, round, from_index, reattach)), '[]') from change_target
        where change_id = ${changeId} and (reading.whole or target_id in (${OPENING}, ${CLOSING}) or target_id in (select id from moved))) as states,
      ${all(sql`select target.* from shown join change_target target on change_id = ${changeId} and target_id = shown.id`, "target_id")} as targets,
      ${all(sql`select * from change_batch where change_id = ${changeId}`, "batch_id")} as batches,
      ${all(
        sql`select step.* from wanted join change_step step on change_id = ${changeId} and target_id = wanted.id union all
          select * from change_step where change_id = ${changeId} and state = 'unknown' and target_id not in (select id from wanted)`,
        "dispatched_at, id",
      )} as steps,
      ${all(sql`select * from change_verdict where change_id = ${changeId}`, "guard, moment desc")} as verdicts
    from mine, reading`.execute(db);
  const [answer] = rows;
  if (answer === undefined) throw new PlatformError("NOT_FOUND", { resource: `change ${changeId}` });
  return answer;
}

const AT = ["at"] as const;
const OF_TARGET = ["started_at", "finished_at"] as const;
const OF_STEP = ["dispatched_at", "started_at", "finished_at"] as const;
const OF_CHANGE = [
  ...(["state_since", "start_at", "expires_at", "created_at", "started_at", "finished_at", "lease_until"] as const),
];

/** Inside JSON the database writes moments with its own offset and to the microsecond. */
function withMoments<Row extends object, Name extends keyof Row>(row: Row, names: readonly Name[]): Row {
  const moments = names.flatMap((name) => {
    const text = row[name];
    return typeof text === "string" ? [[name, new Date(text).toISOString()] as const] : [];
  });
  return { ...row, ...Object.fromEntries(moments) };
}
