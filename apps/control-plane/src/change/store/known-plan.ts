import type { Plan } from "@evenkeel/contracts/change-plan";
import { PlatformError } from "@evenkeel/contracts/error";
import type { ChangeId, Digest, TenantId } from "@evenkeel/contracts/id";
import { type Kysely, sql } from "kysely";
import type { Database } from "../../database.ts";
import type { ChangeRow } from "./snapshot.ts";

/** Every column of a change but its plan. */
const BESIDE_PLAN = [
  ...(["id", "tenant_id", "workspace_id", "kind", "title", "spec", "plan_digest", "state", "state_since"] as const),
  ...(["problem", "waiting_for", "reason", "pause_mode", "pause_cause", "idle_ms", "idle_mark"] as const),
  ...(["rollback_demand", "start_at", "expires_at", "created_by", "planned_by", "emergency", "created_at"] as const),
  ...(["started_at", "finished_at", "rollback_of", "rollback_change_id", "rolled_back_by", "left_behind"] as const),
  ...(["sequence", "lease_owner", "lease_token", "lease_until"] as const),
];

/** A plan is frozen under its digest. */
export interface KnownPlan {
  readonly digest: Digest;
  readonly plan: Plan;
}

/** The row of a change; of a large one the plan is most of it, and is not read where it is known. */
export async function findChangeKnowing(
  db: Kysely<Database>,
  { tenantId, changeId }: { readonly tenantId: TenantId; readonly changeId: ChangeId },
  known: KnownPlan | null,
): Promise<ChangeRow> {
  const unread = sql<Plan | null>`case when plan_digest = ${known?.digest ?? ""} then null else plan end`;
  const row = await db
    .selectFrom("change")
    .select(BESIDE_PLAN)
    .select(unread.as("plan"))
    .where("id", "=", changeId)
    .where("tenant_id", "=", tenantId)
    .executeTakeFirst();
  const plan = row?.plan ?? known?.plan;
  if (row === undefined || plan === undefined) throw new PlatformError("NOT_FOUND", { resource: `change ${changeId}` });
  return { ...row, plan };
}

/** Plans that watchers have in hand: those of one change share one. */
export class PlansInHand {
  readonly #held = new Map<Digest, { readonly plan: Plan; watchers: number }>();

  /** The plan under this digest as everybody has it; to be let go once for each call. */
  hold({ digest, plan }: KnownPlan): KnownPlan {
    const held = this.#held.get(digest) ?? { plan, watchers: 0 };
    held.watchers += 1;
    this.#held.set(digest, held);
    return { digest, plan: held.plan };
  }

  letGo({ digest }: KnownPlan): void {
    const held = this.#held.get(digest);
    if (held === undefined) return;
    held.watchers -= 1;
    if (held.watchers === 0) this.#held.delete(digest);
  }

  get size(): number {
    return this.#held.size;
  }
}
