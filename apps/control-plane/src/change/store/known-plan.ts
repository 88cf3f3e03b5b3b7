import type { Plan } from "@evenkeel/contracts/change-plan";
import { PlatformError } from "@evenkeel/contracts/error";
import type { ChangeId, Digest, TenantId } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import type { Database } from "../../database.ts";
import type { ChangeRow } from "./snapshot.ts";

/** All of a change's row but its spec and its plan, which are large and change together with the digest. */
export const MOVING = [
  ...(["id", "tenant_id", "workspace_id", "kind", "title", "plan_digest", "state", "state_since"] as const),
  ...(["target_count", "irreversible"] as const),
  ...(["problem", "waiting_for", "reason", "pause_mode", "pause_cause", "idle_ms", "idle_mark"] as const),
  ...(["rollback_demand", "start_at", "expires_at", "created_by", "planned_by", "emergency", "created_at"] as const),
  ...(["started_at", "finished_at", "rollback_of", "rollback_change_id", "rolled_back_by", "left_behind"] as const),
  ...(["sequence", "lease_owner", "lease_token", "lease_until"] as const),
];

export const BESIDE_PLAN = [...MOVING, "spec" as const];

/** What a process remembers of plans: as much as that of one change of so many targets. */
const REMEMBERED_TARGETS = 50_000;

interface KnownPlan {
  readonly digest: Digest;
  readonly plan: Plan;
}

/** A row as lists read it. */
export type WithoutPlan = Omit<ChangeRow, "plan">;

/** The plans that were read last. A plan is frozen under its digest: one that the change has no longer is not found. */
export class RecentPlans {
  readonly #room: number;
  readonly #known = new Map<ChangeId, KnownPlan>();
  #targets = 0;

  constructor(room = REMEMBERED_TARGETS) {
    this.#room = room;
  }

  find({ id, plan_digest: digest }: Pick<ChangeRow, "id" | "plan_digest">): Plan | null {
    const known = this.#known.get(id);
    if (known?.digest !== digest) return null;
    this.#put(id, known);
    return known.plan;
  }

  keep({ id, plan, plan_digest: digest }: Pick<ChangeRow, "id" | "plan" | "plan_digest">): void {
    if (plan.targets.length <= this.#room) this.#put(id, { digest, plan });
    for (const oldest of this.#known.keys()) {
      if (this.#targets <= this.#room) break;
      this.#drop(oldest);
    }
  }

  /** Of all plans that are remembered. */
  get targets(): number {
    return this.#targets;
  }

  #put(changeId: ChangeId, known: KnownPlan): void {
    this.#drop(changeId);
    this.#known.set(changeId, known);
    this.#targets += known.plan.targets.length;
  }

  #drop(changeId: ChangeId): void {
    this.#targets -= this.#known.get(changeId)?.plan.targets.length ?? 0;
    this.#known.delete(changeId);
  }
}

const recentPlans = new RecentPlans();

/** Remembers a plan that was written just now; where that is undone, nobody asks for it. */
export function rememberPlan(row: Pick<ChangeRow, "id" | "plan" | "plan_digest">): void {
  recentPlans.keep(row);
}

/** The row of a change, as it is. */
export async function findChange(db: Kysely<Database>, tenantId: TenantId, changeId: ChangeId): Promise<ChangeRow> {
  const found = await db
    .selectFrom("change")
    .select(BESIDE_PLAN)
    .where("id", "=", changeId)
    .where("tenant_id", "=", tenantId)
    .execute();
  const [row] = await withPlans(db, found);
  if (row === undefined) throw new PlatformError("NOT_FOUND", { resource: `change ${changeId}` });
  return row;
}

/** Rows with their plans; of a large change the plan is most of it, and is read only where it is not remembered. */
export async function withPlans<Row extends WithoutPlan>(
  db: Kysely<Database>,
  rows: readonly Row[],
  plans = recentPlans,
): Promise<(Row & Pick<ChangeRow, "plan">)[]> {
  const known = new Map(rows.flatMap((row) => asKnown(row, plans.find(row))));
  const unknown = rows.flatMap(({ id }) => (known.has(id) ? [] : [id]));
  const read =
    unknown.length === 0
      ? []
      : await db.selectFrom("change").select(["id", "plan", "plan_digest"]).where("id", "in", unknown).execute();
  for (const row of read) {
    known.set(row.id, row);
    plans.keep(row);
  }
  return rows.flatMap((row) => {
    const plan = known.get(row.id);
    // Planned anew between the two readings: the digest is that of the plan that is shown.
    return plan === undefined ? [] : [{ ...row, plan: plan.plan, plan_digest: plan.plan_digest }];
  });
}

function asKnown({ id, plan_digest }: WithoutPlan, plan: Plan | null) {
  return plan === null ? [] : [[id, { plan, plan_digest }] as const];
}
