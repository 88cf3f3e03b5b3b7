import type { Name, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import type { Cell, Workspace } from "@evenkeel/contracts/workspace";
import { type Kysely, sql } from "kysely";
import type { Database } from "../database.ts";
import { resource } from "../resource/index.ts";

export const workspaces = resource<"workspace", Workspace>({
  table: "workspace",
  show: ({ tenant_id: _, created_at, ...row }) => ({ ...row, createdAt: created_at }),
});

export const cells = resource<"cell", Cell>({
  table: "cell",
  show: ({ tenant_id: _, workspace_id, fail_over, created_at, ...row }) => ({
    ...row,
    workspaceId: workspace_id,
    failOver: fail_over,
    createdAt: created_at,
  }),
});

/** All cells of a workspace, by name. */
export async function cellsOf(db: Kysely<Database>, workspaceId: WorkspaceId): Promise<Cell[]> {
  const rows = await db
    .selectFrom("cell")
    .selectAll()
    .where("workspace_id", "=", workspaceId)
    .orderBy("name")
    .execute();
  return rows.map(({ tenant_id: _, workspace_id, fail_over, created_at, ...row }) => ({
    ...row,
    workspaceId: workspace_id,
    failOver: fail_over,
    createdAt: created_at,
  }));
}

export interface CellShare {
  readonly cell: string;
  readonly weight: number;
  readonly away: boolean;
}

/** Gives cells other weights, sends them away or brings them back; the version of each rises. */
export async function weighCells(
  tx: Kysely<Database>,
  workspaceId: WorkspaceId,
  shares: readonly CellShare[],
): Promise<void> {
  for (const { cell, weight, away } of shares) {
    await tx
      .updateTable("cell")
      .set({ weight, away, version: sql<number>`version + 1` })
      .where("workspace_id", "=", workspaceId)
      .where("name", "=", cell as Name)
      .execute();
  }
}

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
