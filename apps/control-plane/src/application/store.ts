import type { Application } from "@evenkeel/contracts/application";
import type { ApplicationId, Name, TenantId } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { resource } from "../resource/index.ts";

export const applications = resource<"application", Application>({
  table: "application",
  show: ({ tenant_id: _, created_at, ...row }) => ({ ...row, createdAt: created_at }),
});

/** The application of this name, for other slices. */
export async function findApplication(
  db: Kysely<Database>,
  { tenantId, name }: { readonly tenantId: TenantId; readonly name: string },
): Promise<{ readonly id: ApplicationId; readonly name: Name } | null> {
  return await applications.find(db, tenantId, { name: name as Name });
}
