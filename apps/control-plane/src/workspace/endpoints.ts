import { PlatformError } from "@evenkeel/contracts/error";
import { CellId, type Name, newId, type TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import type { Workspace } from "@evenkeel/contracts/workspace";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import type { Handlers } from "../http/index.ts";
import { cells, findWorkspace, workspaces } from "./store.ts";

type Operations = "listWorkspaces" | "getWorkspace" | "createWorkspace" | "listCells" | "createCell";

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
        const strange = cell.zones.find((zone) => !zones.includes(zone));
        if (strange !== undefined) {
          const problem = `zones: ${strange} is not a zone of workspace ${workspace}`;
          throw new PlatformError("INPUT_INVALID", { field: "zones", problem });
        }
        const row = { id: newId(CellId, "cel"), tenant_id: tenantId, workspace_id: id, ...cell };
        return await cells.create(tx, row, `${workspace}/${cell.name}`);
      });
    },
  };
}

async function existing(db: Kysely<Database>, tenantId: TenantId, name: Name): Promise<Workspace> {
  const found = await findWorkspace(db, { tenantId, name });
  if (found === null) throw new PlatformError("NOT_FOUND", { resource: `workspace ${name}` });
  return found;
}

function refuseRepeated(zones: readonly Name[]): void {
  const repeated = zones.find((zone, index) => zones.indexOf(zone) !== index);
  if (repeated === undefined) return;
  throw new PlatformError("INPUT_INVALID", { field: "zones", problem: `zones: ${repeated} is named twice` });
}
