import type { Kysely } from "kysely";
import type { Database } from "../../database.ts";
import type { Where } from "./version.ts";

/** The workspace has a secret to seal lanes and cells with. */
export async function ensureEntry(tx: Kysely<Database>, { tenantId, workspaceId }: Where): Promise<void> {
  await tx
    .insertInto("traffic_entry")
    .values({ workspace_id: workspaceId, tenant_id: tenantId })
    .onConflict((conflict) => conflict.column("workspace_id").doNothing())
    .execute();
}
