import { PlatformError } from "@evenkeel/contracts/error";
import { type Name, newId, PrincipalGroupId, type PrincipalId, type TenantId } from "@evenkeel/contracts/id";
import type { PrincipalGroup } from "@evenkeel/contracts/principal";
import { type Kysely, sql } from "kysely";
import type { Database } from "../database.ts";

interface GroupPage {
  readonly tenantId: TenantId;
  readonly after: string | null;
  readonly rows: number;
  readonly name?: Name;
}

/** Groups by name, each with its members. */
export async function readGroups(db: Kysely<Database>, page: GroupPage): Promise<PrincipalGroup[]> {
  const found = await db
    .selectFrom("principal_group as grp")
    .select(["grp.name", "grp.version", "grp.created_at as createdAt"])
    .select(
      sql<
        string[]
      >`coalesce((select jsonb_agg(principal.name order by principal.name) from principal_group_member member
        join principal on principal.id = member.principal_id where member.group_id = grp.id), '[]')`.as("members"),
    )
    .where("grp.tenant_id", "=", page.tenantId)
    .$if(page.after !== null, (query) => query.where("grp.name", ">", page.after as Name))
    .$if(page.name !== undefined, (query) => query.where("grp.name", "=", page.name!))
    .orderBy("grp.name")
    .limit(page.rows)
    .execute();
  return found;
}

/** The group of this name, or NOT_FOUND. */
export async function getGroup(db: Kysely<Database>, tenantId: TenantId, name: Name): Promise<PrincipalGroup> {
  const [group] = await readGroups(db, { tenantId, name, after: null, rows: 1 });
  if (group === undefined) throw new PlatformError("NOT_FOUND", { resource: `principal group ${name}` });
  return group;
}

/** Makes the group, or gives it these members and no others; all of them must be known. */
export async function setGroup(
  tx: Kysely<Database>,
  tenantId: TenantId,
  { name, members }: { readonly name: Name; readonly members: readonly string[] },
): Promise<PrincipalGroup> {
  const memberIds = await principalIds(tx, tenantId, members);
  const { id } = await tx
    .insertInto("principal_group")
    .values({ id: newId(PrincipalGroupId, "pgr"), tenant_id: tenantId, name })
    .onConflict((conflict) =>
      conflict.columns(["tenant_id", "name"]).doUpdateSet({ version: sql<number>`principal_group.version + 1` }),
    )
    .returning("id")
    .executeTakeFirstOrThrow();
  await tx.deleteFrom("principal_group_member").where("group_id", "=", id).execute();
  if (memberIds.length > 0) {
    await tx
      .insertInto("principal_group_member")
      .values(memberIds.map((principal_id) => ({ group_id: id, principal_id, tenant_id: tenantId })))
      .execute();
  }
  return await getGroup(tx, tenantId, name);
}

/** The ids of these principals, or NOT_FOUND with those that are not known. */
export async function principalIds(
  db: Kysely<Database>,
  tenantId: TenantId,
  names: readonly string[],
): Promise<PrincipalId[]> {
  if (names.length === 0) return [];
  const found = await db
    .selectFrom("principal")
    .select(["id", "name"])
    .where("tenant_id", "=", tenantId)
    .where("name", "in", [...names])
    .execute();
  const unknown = names.filter((name) => !found.some((one) => one.name === name));
  if (unknown.length > 0) throw new PlatformError("NOT_FOUND", { resource: `principal ${unknown.join(", ")}` });
  return found.map(({ id }) => id);
}

/** Takes the group away; the caller knows that nothing names it. */
export async function removeGroup(tx: Kysely<Database>, tenantId: TenantId, name: Name): Promise<void> {
  const removed = await tx
    .deleteFrom("principal_group")
    .where("tenant_id", "=", tenantId)
    .where("name", "=", name)
    .returning("id")
    .executeTakeFirst();
  if (removed === undefined) throw new PlatformError("NOT_FOUND", { resource: `principal group ${name}` });
}

/** Who is in which group of a tenant, by name. */
export async function membersByGroup(
  db: Kysely<Database>,
  tenantId: TenantId,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await db
    .selectFrom("principal_group_member as member")
    .innerJoin("principal", "principal.id", "member.principal_id")
    .innerJoin("principal_group as grp", "grp.id", "member.group_id")
    .select(["grp.name as group", "principal.name as member"])
    .where("grp.tenant_id", "=", tenantId)
    .execute();
  return new Map(
    [...Map.groupBy(rows, (row) => row.group)].map(([group, all]) => [group, all.map((row) => row.member)]),
  );
}
