import type { TargetState } from "@evenkeel/contracts/change-state";
import type { ChangeId } from "@evenkeel/contracts/id";
import { type Kysely, sql } from "kysely";
import type { Database } from "../../database.ts";
import { CLOSING, OPENING } from "../snapshot.ts";
import { LOST_TARGETS } from "../state.ts";
import type { StepRow } from "./snapshot.ts";

type Outcome = NonNullable<StepRow["outcome"]>;

/** What a list tells of a change that has ended, beside its own row. */
export interface EndedRows {
  readonly counts: ReadonlyMap<TargetState, number>;
  /** How the last step of the first lost targets ended. */
  readonly outcomes: readonly Outcome[];
}

/** Of changes that have ended, without a row for each of their targets. */
export async function readEnded(
  db: Kysely<Database>,
  ids: readonly ChangeId[],
  lostShown: number,
): Promise<ReadonlyMap<ChangeId, EndedRows>> {
  if (ids.length === 0) return new Map();
  const counted = await db
    .selectFrom("change_target")
    .select((eb) => ["change_id", "state", eb.fn.countAll<string>().as("count")] as const)
    .where("change_id", "in", ids)
    .where("target_id", "not in", [OPENING, CLOSING])
    .groupBy(["change_id", "state"])
    .execute();
  const lost = await sql<{ change_id: ChangeId; outcome: Outcome }>`
    select change.id as change_id, step.outcome from unnest(${ids}::text[]) as change (id),
    lateral (select target_id from change_target where change_id = change.id and state = any(${LOST_TARGETS}) order by target_id limit ${lostShown}) as lost,
    lateral (select outcome from change_step where change_id = change.id and target_id = lost.target_id and outcome is not null
      order by dispatched_at desc, id desc limit 1) as step`.execute(db);
  const countsOf = Map.groupBy(counted, (row) => row.change_id);
  const outcomesOf = Map.groupBy(lost.rows, (row) => row.change_id);
  return new Map(
    ids.map((id) => [
      id,
      {
        counts: new Map((countsOf.get(id) ?? []).map(({ state, count }) => [state, Number(count)])),
        outcomes: (outcomesOf.get(id) ?? []).map(({ outcome }) => outcome),
      },
    ]),
  );
}
