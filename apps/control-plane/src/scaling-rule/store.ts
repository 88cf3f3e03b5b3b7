import { type ChangeId, type Name, ScalingRuleId, type TenantId } from "@evenkeel/contracts/id";
import type { ScalingRule, ScalingVerdict, SetScalingRule } from "@evenkeel/contracts/scaling-rule";
import { json } from "@evenkeel/kit/sql";
import { type Kysely, sql, type Transaction } from "kysely";
import type { Database } from "../database.ts";
import { namedResource } from "../resource/index.ts";

export const scalingRules = namedResource<SetScalingRule>({
  table: "scaling_rule",
  noun: "scaling rule",
  id: { schema: ScalingRuleId, prefix: "scr" },
});

type Found = Pick<ScalingRule, "verdict" | "lookedAt" | "changeId" | "scaledAt">;
const NOTHING: Found = { verdict: null, lookedAt: null, changeId: null, scaledAt: null };

/** What the rules of these names found at their last look. */
export async function foundBy(
  db: Kysely<Database>,
  tenantId: TenantId,
  names: readonly Name[],
): Promise<(name: Name) => Found> {
  if (names.length === 0) return () => NOTHING;
  const rows = await db
    .selectFrom("scaling_rule")
    .select(["name", "verdict", "looked_at as lookedAt", "change_id as changeId", "scaled_at as scaledAt"])
    .where("tenant_id", "=", tenantId)
    .where("name", "in", names)
    .execute();
  const found = new Map(rows.map(({ name, ...row }) => [name, row]));
  return (name) => found.get(name) ?? NOTHING;
}

/** A rule whose turn it is. */
export interface DueRule {
  readonly id: ScalingRuleId;
  readonly tenantId: TenantId;
  readonly name: Name;
  readonly definition: SetScalingRule;
  readonly verdict: ScalingVerdict | null;
  readonly changeId: ChangeId | null;
  readonly underWay: boolean;
  readonly sinceScaledSeconds: number | null;
}

/** Rules that nobody has looked at for so long. */
export async function dueRules(db: Kysely<Database>, everySeconds: number): Promise<ScalingRuleId[]> {
  const rows = await dueQuery(db, everySeconds).select("scaling_rule.id").orderBy("looked_at").limit(100).execute();
  return rows.map(({ id }) => id);
}

/** The same rule under the lock of its row; null: another replica has it, or has just had it. */
export async function takeDueRule(
  tx: Transaction<Database>,
  id: ScalingRuleId,
  everySeconds: number,
): Promise<DueRule | null> {
  const row = await dueQuery(tx, everySeconds)
    .leftJoin("change", "change.id", "scaling_rule.change_id")
    .select([
      ...(["scaling_rule.id", "scaling_rule.tenant_id as tenantId", "scaling_rule.name"] as const),
      ...(["scaling_rule.definition", "scaling_rule.verdict", "scaling_rule.change_id as changeId"] as const),
      sql<boolean>`change.id is not null and change.finished_at is null`.as("underWay"),
      sql<number | null>`extract(epoch from clock_timestamp() - scaled_at)::float8`.as("sinceScaledSeconds"),
    ])
    .where("scaling_rule.id", "=", id)
    .forUpdate("scaling_rule")
    .skipLocked()
    .executeTakeFirst();
  return row ?? null;
}

function dueQuery(db: Kysely<Database>, everySeconds: number) {
  return db
    .selectFrom("scaling_rule")
    .where(sql<boolean>`coalesce(looked_at < clock_timestamp() - make_interval(secs => ${everySeconds}), true)`);
}

/** What was found, and the change that came of it. As long as that is under way the cool-down has not begun. */
export async function recordLook(
  tx: Kysely<Database>,
  id: ScalingRuleId,
  { verdict, changeId }: { readonly verdict: ScalingVerdict; readonly changeId?: ChangeId },
): Promise<void> {
  const isMoving = changeId !== undefined || verdict.kind === "under-way";
  await tx
    .updateTable("scaling_rule")
    .set({
      verdict: json(verdict) as never,
      looked_at: sql<string>`clock_timestamp()`,
      ...(changeId !== undefined && { change_id: changeId }),
      ...(isMoving && { scaled_at: sql<string>`clock_timestamp()` }),
    })
    .where("id", "=", id)
    .execute();
}
