import { z } from "zod";
import { endpoint, page, pageQuery } from "./endpoint.ts";
import { CellId, Moment, Name, WorkspaceId } from "./id.ts";

export const Workspace = z.strictObject({
  id: WorkspaceId,
  name: Name,
  region: Name,
  zones: z.array(Name).min(1),
  version: z.int(),
  createdAt: Moment,
});
export type Workspace = z.infer<typeof Workspace>;

/** A workspace spans zones of one region, never regions. */
export const CreateWorkspace = z.strictObject({
  name: Name,
  region: Name.default("local"),
  zones: z.array(Name).min(1).max(20),
});
export type CreateWorkspace = z.infer<typeof CreateWorkspace>;

/** Boundary of service communication inside a workspace. */
export const Cell = z.strictObject({
  id: CellId,
  workspaceId: WorkspaceId,
  name: Name,
  zones: z.array(Name).min(1),
  version: z.int(),
  createdAt: Moment,
});
export type Cell = z.infer<typeof Cell>;
export const CreateCell = z.strictObject({ workspace: Name, name: Name, zones: z.array(Name).min(1) });
export type CreateCell = z.infer<typeof CreateCell>;

const byWorkspace = z.strictObject({ workspace: Name });

export const workspaceEndpoints = {
  listWorkspaces: endpoint("GET", "/workspaces", { needs: "workspace:read", query: pageQuery, reply: page(Workspace) }),
  getWorkspace: endpoint("GET", "/workspaces/{workspace}", {
    needs: "workspace:read",
    params: byWorkspace,
    reply: Workspace,
  }),
  createWorkspace: endpoint("POST", "/workspaces", {
    needs: "workspace:create",
    body: CreateWorkspace,
    reply: Workspace,
    status: 201,
    idempotent: true,
  }),
  listCells: endpoint("GET", "/cells", {
    needs: "cell:read",
    query: pageQuery.extend({ workspace: Name.optional() }),
    reply: page(Cell),
  }),
  createCell: endpoint("POST", "/cells", {
    needs: "cell:create",
    body: CreateCell,
    reply: Cell,
    status: 201,
    idempotent: true,
  }),
};
