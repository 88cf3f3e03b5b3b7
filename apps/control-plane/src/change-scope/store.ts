import type { Plan } from "@evenkeel/contracts/change-plan";
import type { TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import type { ScopedChange } from "./covers.ts";

export interface ToScope {
  readonly tenantId: TenantId;
  readonly workspaceId: WorkspaceId;
  readonly kind: string;
  readonly plan: Pick<Plan, "applications">;
}

/** Reads what scopes are held against, of many changes of one tenant in as many statements as of one. */
export async function scopedChanges(db: Kysely<Database>, changes: readonly ToScope[]): Promise<ScopedChange[]> {
  const [first] = changes;
  if (first === undefined) return [];
  const places = await db
    .selectFrom("workspace")
    .select(["id", "name"])
    .where("tenant_id", "=", first.tenantId)
    .where("id", "in", [...new Set(changes.map(({ workspaceId }) => workspaceId))])
    .execute();
  const wanted = [...new Set(changes.flatMap(({ plan }) => plan.applications.map(({ name }) => name)))];
  const known =
    wanted.length === 0
      ? []
      : await db
          .selectFrom("application")
          .select(["name", "level"])
          .where("tenant_id", "=", first.tenantId)
          .where("name", "in", wanted)
          .execute();
  const placeOf = new Map(places.map(({ id, name }) => [id, name]));
  const levelOf = new Map(known.map(({ name, level }) => [name, level]));
  return changes.map(({ workspaceId, kind, plan }) => ({
    workspace: placeOf.get(workspaceId) ?? "",
    kind,
    applications: plan.applications.map(({ name }) => ({ name, level: levelOf.get(name) ?? null })),
  }));
}
