import { PlatformError } from "@evenkeel/contracts/error";
import {
  type Name,
  newId,
  type ServiceId,
  type TenantId,
  TrafficRuleId,
  type WorkspaceId,
} from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import { type SetTrafficRule, TrafficPolicy, type TrafficRule, type UserKey } from "@evenkeel/contracts/traffic-rule";
import { json } from "@evenkeel/kit/sql";
import { type Kysely, sql } from "kysely";
import type { Database } from "../database.ts";
import { ensureEntry } from "../route/index.ts";

interface Where {
  readonly tenantId: TenantId;
  readonly workspaceId: WorkspaceId;
}

export interface RulePage {
  readonly tenantId: TenantId;
  readonly workspace: string | undefined;
  readonly service: string | undefined;
  readonly after: string | null;
  readonly limit: number;
}

const select = (db: Kysely<Database>) =>
  db
    .selectFrom("traffic_rule")
    .innerJoin("workspace", "workspace.id", "traffic_rule.workspace_id")
    .innerJoin("service", "service.id", "traffic_rule.service_id")
    .select([
      "traffic_rule.id",
      "traffic_rule.workspace_id",
      "traffic_rule.service_id",
      "workspace.name as workspace",
      "traffic_rule.definition",
      "traffic_rule.version",
      "traffic_rule.created_at",
    ]);

type Row = Awaited<ReturnType<ReturnType<typeof select>["execute"]>>[number];

const show = ({ workspace_id, service_id, definition, created_at, ...row }: Row): TrafficRule => ({
  ...definition,
  ...row,
  workspaceId: workspace_id,
  serviceId: service_id,
  createdAt: created_at,
});

export async function listRules(db: Kysely<Database>, page: RulePage): Promise<TrafficRule[]> {
  let query = select(db)
    .where("traffic_rule.tenant_id", "=", page.tenantId)
    .orderBy("traffic_rule.id")
    .limit(page.limit);
  if (page.workspace !== undefined) query = query.where("workspace.name", "=", page.workspace as Name);
  if (page.service !== undefined) query = query.where("service.name", "=", page.service);
  if (page.after !== null) query = query.where("traffic_rule.id", ">", page.after as TrafficRuleId);
  return (await query.execute()).map(show);
}

export async function getRule(
  db: Kysely<Database>,
  { tenantId, workspace, rule }: { readonly tenantId: TenantId; readonly workspace: Name; readonly rule: Name },
): Promise<TrafficRule> {
  const row = await select(db)
    .where("traffic_rule.tenant_id", "=", tenantId)
    .where("workspace.name", "=", workspace)
    .where("traffic_rule.name", "=", rule)
    .executeTakeFirst();
  if (row === undefined)
    throw new PlatformError("NOT_FOUND", {
      resource: say("label.in", { label: say("label.traffic-rule", { rule }), place: workspace }),
    });
  return show(row);
}

/** Every rule of a workspace. */
export async function rulesOf(db: Kysely<Database>, workspaceId: WorkspaceId): Promise<TrafficRule[]> {
  const rows = await select(db)
    .where("traffic_rule.workspace_id", "=", workspaceId)
    .orderBy("traffic_rule.name")
    .execute();
  return rows.map(show);
}

/** The rule as it was set. */
export function definitionOfRule(rule: TrafficRule): SetTrafficRule {
  const {
    id: _id,
    workspaceId: _in,
    workspace: _of,
    serviceId: _to,
    version: _at,
    createdAt: _since,
    ...definition
  } = rule;
  return definition;
}

/** What was set of a service's sharing; null = nothing. */
export async function policyOf(
  db: Kysely<Database>,
  { tenantId, serviceId }: { readonly tenantId: TenantId; readonly serviceId: ServiceId },
): Promise<TrafficPolicy | null> {
  const row = await db
    .selectFrom("service")
    .leftJoin("traffic_policy", "traffic_policy.service_id", "service.id")
    .select("traffic_policy.definition")
    .where("service.id", "=", serviceId)
    .where("service.tenant_id", "=", tenantId)
    .executeTakeFirst();
  if (row === undefined) throw new PlatformError("NOT_FOUND", { resource: `service ${serviceId}` });
  return row.definition === null ? null : TrafficPolicy.parse(row.definition);
}

export interface Alteration extends Where {
  readonly put: readonly { readonly serviceId: ServiceId; readonly definition: SetTrafficRule }[];
  readonly remove: readonly Name[];
  readonly policies: readonly { readonly serviceId: ServiceId; readonly policy: TrafficPolicy | null }[];
  readonly userKey: readonly UserKey[] | null;
}

/** Writes rules and policies; the table's version is the caller's to raise, first, in the same transaction. */
export async function alterRules(tx: Kysely<Database>, alteration: Alteration): Promise<void> {
  const { tenantId, workspaceId, put, remove, policies, userKey } = alteration;
  const where = { tenant_id: tenantId, workspace_id: workspaceId };
  await ensureEntry(tx, alteration);
  if (userKey !== null) {
    await tx
      .updateTable("traffic_entry")
      .set({ user_key: json(userKey) as never })
      .where("workspace_id", "=", workspaceId)
      .execute();
  }
  if (remove.length > 0)
    await tx.deleteFrom("traffic_rule").where("workspace_id", "=", workspaceId).where("name", "in", remove).execute();
  for (const { serviceId, definition } of put) {
    const row = { service_id: serviceId, priority: definition.priority, definition: json(definition) as never };
    await tx
      .insertInto("traffic_rule")
      .values({ id: newId(TrafficRuleId, "trl"), ...where, name: definition.name, ...row })
      .onConflict((conflict) =>
        conflict
          .columns(["workspace_id", "name"])
          .doUpdateSet({ ...row, version: sql<number>`traffic_rule.version + 1` }),
      )
      .execute();
  }
  for (const { serviceId, policy } of policies) {
    await tx.deleteFrom("traffic_policy").where("service_id", "=", serviceId).execute();
    if (policy === null) continue;
    await tx
      .insertInto("traffic_policy")
      .values({ service_id: serviceId, ...where, definition: json(policy) as never })
      .execute();
  }
}

/** What users of a workspace are known by. */
export async function userKeyOfWorkspace(db: Kysely<Database>, workspaceId: WorkspaceId): Promise<UserKey[]> {
  const row = await db
    .selectFrom("traffic_entry")
    .select("user_key")
    .where("workspace_id", "=", workspaceId)
    .executeTakeFirst();
  return row?.user_key ?? [];
}
