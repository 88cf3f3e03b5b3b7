import type { ChangeState } from "@evenkeel/contracts/change-state";
import type { ChangeId, HostId, Name, ServiceId, TenantId } from "@evenkeel/contracts/id";
import { type Kysely, sql } from "kysely";
import type { Database } from "../../database.ts";
import { BESIDE_PLAN, type WithoutPlan, withPlans } from "./known-plan.ts";
import type { ChangeRow } from "./snapshot.ts";

export interface ChangePage {
  readonly tenantId: TenantId;
  readonly workspace: string | undefined;
  readonly service: ServiceId | undefined;
  /** One of whose targets is this host. */
  readonly host: HostId | undefined;
  readonly state: ChangeState | undefined;
  readonly kind: string | undefined;
  readonly after: string | null;
  readonly rows: number;
}

/** Newest first. */
export async function listChanges(db: Kysely<Database>, page: ChangePage): Promise<WithoutPlan[]> {
  const named = db
    .selectFrom("workspace")
    .select("id")
    .where("tenant_id", "=", page.tenantId)
    .where("name", "=", page.workspace ?? "");
  return await db
    .selectFrom("change")
    .select(BESIDE_PLAN)
    .where("tenant_id", "=", page.tenantId)
    .$if(page.workspace !== undefined, (query) => query.where("workspace_id", "in", named))
    .$if(page.state !== undefined, (query) => query.where("state", "=", page.state as ChangeState))
    .$if(page.kind !== undefined, (query) => query.where("kind", "=", page.kind as string))
    .$if(page.service !== undefined, (query) =>
      query.where(sql<boolean>`jsonb_path_query_array(change.plan, '$.targets[*].slot') ? ${page.service as string}`),
    )
    .$if(page.host !== undefined, (query) =>
      query.where(sql<boolean>`jsonb_path_query_array(change.plan, '$.targets[*].hostId') ? ${page.host as string}`),
    )
    .$if(page.after !== null, (query) => query.where("id", "<", page.after as ChangeRow["id"]))
    .orderBy("id", "desc")
    .limit(page.rows)
    .execute();
}

/** Those of these changes that are of this tenant; newest first. */
export async function changesById(
  db: Kysely<Database>,
  tenantId: TenantId,
  ids: readonly ChangeId[],
): Promise<WithoutPlan[]> {
  return await db
    .selectFrom("change")
    .select(BESIDE_PLAN)
    .where("tenant_id", "=", tenantId)
    .where("id", "in", ids)
    .orderBy("id", "desc")
    .execute();
}

/** Changes that have begun, or wait to begin, and have not ended; newest first, a hundred at most. */
export async function listUnfinished(db: Kysely<Database>, tenantId: TenantId): Promise<WithoutPlan[]> {
  return await db
    .selectFrom("change")
    .select(BESIDE_PLAN)
    .where("tenant_id", "=", tenantId)
    .where("finished_at", "is", null)
    .where("state", "!=", "planned")
    .orderBy("id", "desc")
    .limit(100)
    .execute();
}

export interface AwaitingPage {
  readonly tenantId: TenantId;
  readonly after: string | null;
  readonly rows: number;
}

/** Changes that wait for approval, with their workspace's name; oldest first. */
export async function listAwaitingApproval(
  db: Kysely<Database>,
  page: AwaitingPage,
): Promise<(ChangeRow & { readonly workspace: Name })[]> {
  const rows = await db
    .selectFrom((eb) => eb.selectFrom("change").select(BESIDE_PLAN).as("change"))
    .innerJoin("workspace", "workspace.id", "change.workspace_id")
    .selectAll("change")
    .select("workspace.name as workspace")
    .where("change.tenant_id", "=", page.tenantId)
    .where("change.state", "=", "awaiting-approval")
    .$if(page.after !== null, (query) => query.where("change.id", ">", page.after as ChangeRow["id"]))
    .orderBy("change.id")
    .limit(page.rows)
    .execute();
  return await withPlans(db, rows);
}
