import type { Plan } from "@evenkeel/contracts/change-plan";
import type { TenantId } from "@evenkeel/contracts/id";
import { sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";
import { type History, type StepDuration, subjectsOf, withForecast } from "../forecast.ts";
import type { ChangeRow } from "./snapshot.ts";

type Tx = Transaction<Database>;

/** So many of the newest rows are looked at, for each subject and for all together. */
const ROWS = 200;

/** Keeps how long the steps of a change took that has succeeded. */
export async function recordDurations(
  tx: Tx,
  { id, tenant_id, plan, rollback_of }: Pick<ChangeRow, "id" | "tenant_id" | "plan" | "rollback_of">,
): Promise<void> {
  const targetIds = plan.targets.map(({ targetId }) => targetId);
  const slots = plan.targets.map(({ slot }) => slot ?? "");
  await sql`
    insert into step_duration (change_id, tenant_id, subject, step, back, median_ms)
    select ${id}, ${tenant_id}, coalesce(about.slot, ''), phase || '/' || split_part(name, ' ', 1), ${rollback_of !== null},
      round(percentile_cont(0.5) within group (order by extract(epoch from finished_at - dispatched_at) * 1000))
    from change_step
    left join unnest(${targetIds}::text[], ${slots}::text[]) as about (target_id, slot) using (target_id)
    where change_id = ${id} and state = 'succeeded' and finished_at is not null
    group by 3, 4
    on conflict do nothing`.execute(tx);
}

async function readHistory(tx: Tx, tenantId: TenantId, subjects: readonly string[]): Promise<History> {
  const { rows } = await sql<StepDuration & { own: boolean }>`
    select recent.subject, recent.step, recent.back, recent.median_ms as "medianMs", true as own
    from unnest(${[...subjects]}::text[]) as wanted (subject)
    cross join lateral (
      select * from step_duration of
      where of.tenant_id = ${tenantId} and of.subject = wanted.subject
      order by of.at desc limit ${ROWS}
    ) recent
    union all
    select * from (
      select subject, step, back, median_ms, false from step_duration
      where tenant_id = ${tenantId} order by at desc limit ${ROWS}
    ) newest`.execute(tx);
  return { own: rows.filter(({ own }) => own), all: rows.filter(({ own }) => !own) };
}

/** The plan with how long it will take, as far as history tells. */
export async function foresee(
  tx: Tx,
  plan: Plan,
  { tenantId, back }: { readonly tenantId: TenantId; readonly back: boolean },
): Promise<Plan> {
  return withForecast(plan, await readHistory(tx, tenantId, subjectsOf(plan)), back);
}
