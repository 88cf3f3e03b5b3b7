import type { SetApprovalRule } from "@evenkeel/contracts/approval";
import { ApprovalRuleId, type ChangeId, type Digest, type Name, type TenantId } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { namedResource } from "../resource/index.ts";

export const approvalRules = namedResource<SetApprovalRule>({
  table: "approval_rule",
  noun: "approval rule",
  id: { schema: ApprovalRuleId, prefix: "apr" },
});

/** The rules that name a group. */
export async function rulesOfGroup(db: Kysely<Database>, tenantId: TenantId, group: Name): Promise<string[]> {
  const rules = await approvalRules.all(db, tenantId);
  return rules.filter(({ groups }) => groups.includes(group)).map(({ name }) => `approval rule ${name}`);
}

export interface PlanRef {
  readonly changeId: ChangeId;
  readonly planDigest: Digest;
}

const keyOf = ({ changeId, planDigest }: PlanRef): string => `${changeId} ${planDigest}`;

/** Who has approved each of these plans. */
export async function approvedBy(
  db: Kysely<Database>,
  plans: readonly PlanRef[],
): Promise<(plan: PlanRef) => readonly string[]> {
  if (plans.length === 0) return () => [];
  const rows = await db
    .selectFrom("change_approval")
    .select(["change_id as changeId", "plan_digest as planDigest", "principal"])
    .where(
      "change_id",
      "in",
      plans.map(({ changeId }) => changeId),
    )
    .orderBy("at")
    .execute();
  const found = Map.groupBy(rows, keyOf);
  return (plan) => (found.get(keyOf(plan)) ?? []).map(({ principal }) => principal);
}

export interface NewApproval extends PlanRef {
  readonly tenantId: TenantId;
  readonly principal: string;
}

/** Stores one principal's word; said twice it counts once. */
export async function insertApproval(
  tx: Kysely<Database>,
  { tenantId, changeId, planDigest, principal }: NewApproval,
): Promise<void> {
  await tx
    .insertInto("change_approval")
    .values({ tenant_id: tenantId, change_id: changeId, plan_digest: planDigest, principal })
    .onConflict((conflict) => conflict.columns(["change_id", "plan_digest", "principal"]).doNothing())
    .execute();
}

/** Approvals of a change count no more, whatever its plan. */
export async function deleteApprovals(tx: Kysely<Database>, changeId: ChangeId): Promise<void> {
  await tx.deleteFrom("change_approval").where("change_id", "=", changeId).execute();
}
