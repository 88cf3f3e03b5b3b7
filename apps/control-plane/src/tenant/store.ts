import { newId, TenantId } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";

/** Makes the tenant unless it is there. */
export async function ensureTenant(tx: Kysely<Database>, name: string): Promise<TenantId> {
  await tx
    .insertInto("tenant")
    .values({ id: newId(TenantId, "ten"), name })
    .onConflict((conflict) => conflict.column("name").doNothing())
    .execute();
  const { id } = await tx.selectFrom("tenant").select("id").where("name", "=", name).executeTakeFirstOrThrow();
  return id;
}

/** The tenant's name. */
export async function tenantName(db: Kysely<Database>, id: TenantId): Promise<string> {
  const { name } = await db.selectFrom("tenant").select("name").where("id", "=", id).executeTakeFirstOrThrow();
  return name;
}
