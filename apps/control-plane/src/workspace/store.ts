import type { Name, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import type { Cell, Workspace } from "@evenkeel/contracts/workspace";
import { json } from "@evenkeel/kit/sql";
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

/** Makes cells what they are to be; the version of each rises. What is not named stays. */
export async function alterCells(
  tx: Kysely<Database>,
  workspaceId: WorkspaceId,
  edits: readonly ({ readonly cell: string } & Partial<Cell>)[],
): Promise<void> {
  for (const { cell, weight, away, zones, type, gray, failOver } of edits) {
    await tx
      .updateTable("cell")
      .set({
        weight,
        away,
        zones: zones && json(zones),
        type,
        gray,
        fail_over: failOver,
        version: sql<number>`version + 1`,
      })
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
