import type { Name, TenantId } from "@evenkeel/contracts/id";
import type { Cell, Workspace } from "@evenkeel/contracts/workspace";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { resource } from "../resource/index.ts";

export const workspaces = resource<"workspace", Workspace>({
  table: "workspace",
  show: ({ tenant_id: _, created_at, ...row }) => ({ ...row, createdAt: created_at }),
});

export const cells = resource<"cell", Cell>({
  table: "cell",
  show: ({ tenant_id: _, workspace_id, created_at, ...row }) => ({
    ...row,
    workspaceId: workspace_id,
    createdAt: created_at,
  }),
});

/** The workspace of this name, for other slices. */
export async function findWorkspace(
  db: Kysely<Database>,
  { tenantId, name }: { readonly tenantId: TenantId; readonly name: string },
): Promise<Workspace | null> {
  const row = await workspaces.find(db, tenantId, { name: name as Name });
  if (row === null) return null;
  const { tenant_id: _, created_at, ...rest } = row;
  return { ...rest, createdAt: created_at };
}
