import { canonicalJson } from "@evenkeel/contracts/canonical";
import { PlatformError } from "@evenkeel/contracts/error";
import { CellId, type Name, newId, type TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import type { Cell, EditCell, Workspace } from "@evenkeel/contracts/workspace";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import type { Handlers } from "../http/index.ts";
import { ensureEntry, raiseVersion } from "../route/index.ts";
import { cells, cellsOf, findWorkspace, workspaces } from "./store.ts";

type Operations = "listWorkspaces" | "getWorkspace" | "createWorkspace" | "listCells" | "createCell" | "editCell";

export function workspaceHandlers({ db }: { readonly db: Kysely<Database> }): Handlers<Operations> {
  return {
    listWorkspaces: ({ caller, query }) => workspaces.list(db, { tenantId: caller.tenantId, page: query }),
    getWorkspace: ({ caller, params: { workspace } }) =>
      workspaces.get(db, caller.tenantId, { columns: { name: workspace }, label: workspace }),
    createWorkspace: async ({ caller, body, effect }) => {
      refuseRepeated(body.zones);
      const row = { id: newId(WorkspaceId, "wsp"), tenant_id: caller.tenantId, ...body };
      return await effect((tx) => workspaces.create(tx, row, body.name));
    },
    listCells: async ({ caller: { tenantId }, query: { workspace, ...page } }) => {
      if (workspace === undefined) return await cells.list(db, { tenantId, page });
      const { id } = await existing(db, tenantId, workspace);
      return await cells.list(db, { tenantId, page, where: { workspace_id: id } });
    },
    createCell: async ({ caller: { tenantId }, body: { workspace, ...cell }, effect }) => {
      refuseRepeated(cell.zones);
      return await effect(async (tx) => {
        const { id, zones } = await existing(tx, tenantId, workspace);
        refuseStrange(cell.zones, { name: workspace, zones });
        const { failOver, ...fields } = cell;
        await refuseFailOver(tx, id, { name: cell.name, failOver });
        await ensureEntry(tx, { tenantId, workspaceId: id });
        const row = { id: newId(CellId, "cel"), tenant_id: tenantId, workspace_id: id, ...fields, fail_over: failOver };
        const made = await cells.create(tx, row, `${workspace}/${cell.name}`);
        await raiseVersion(tx, { tenantId, workspaceId: id });
        return made;
      });
    },
    editCell: async ({ caller: { tenantId }, params: { cellId }, body, effect }) =>
      await effect(async (tx) => {
        const cell = await cells.get(tx, tenantId, { columns: { id: cellId }, label: cellId });
        refuseTraffic(cell, body);
        const { colour } = body;
        return await cells.update(tx, tenantId, {
          id: cellId,
          set: { ...(colour !== undefined && { colour }) },
          label: cellId,
        });
      }),
  };
}

/** Who is served by whom is nothing that an edit alters. */
function refuseTraffic(cell: Cell, { colour: _, ...traffic }: EditCell): void {
  const fields = Object.keys(traffic) as (keyof typeof traffic)[];
  if (fields.some((field) => canonicalJson(traffic[field]) !== canonicalJson(cell[field])))
    throw new PlatformError("CELL_MOVES_USERS", { cell: cell.name });
}

function refuseStrange(zones: readonly Name[], workspace: Pick<Workspace, "name" | "zones">): void {
  const strange = zones.find((zone) => !workspace.zones.includes(zone));
  if (strange === undefined) return;
  const problem = `zones: ${say("why.strange-zone", { zone: strange, workspace: workspace.name })}`;
  throw new PlatformError("INPUT_INVALID", { field: "zones", problem });
}

async function refuseFailOver(
  tx: Kysely<Database>,
  workspaceId: WorkspaceId,
  { name, failOver }: { readonly name: Name; readonly failOver: Name | null },
): Promise<void> {
  if (failOver === null) return;
  const known = (await cellsOf(tx, workspaceId)).some((cell) => cell.name === failOver);
  if (known && failOver !== name) return;
  const problem = known ? say("why.own-fail-over") : say("why.no-cell", { cell: failOver });
  throw new PlatformError("INPUT_INVALID", { field: "failOver", problem: `failOver: ${problem}` });
}

async function existing(db: Kysely<Database>, tenantId: TenantId, name: Name): Promise<Workspace> {
  const found = await findWorkspace(db, { tenantId, name });
  if (found === null) throw new PlatformError("NOT_FOUND", { resource: `workspace ${name}` });
  return found;
}

function refuseRepeated(zones: readonly Name[]): void {
  const repeated = zones.find((zone, index) => zones.indexOf(zone) !== index);
  if (repeated === undefined) return;
  throw new PlatformError("INPUT_INVALID", {
    field: "zones",
    problem: `zones: ${say("why.named-twice", { name: repeated })}`,
  });
}
