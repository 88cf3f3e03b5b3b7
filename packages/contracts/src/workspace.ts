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

const cellFields = {
  /** `unit`: its traffic stays in it. `shared`: it serves the units of its zones, which turn to it before their fail-over cell. */
  type: z.enum(["unit", "shared"]).default("unit"),
  /** By which people tell cells of a blue-green pair. */
  colour: Name.nullable().default(null),
  /** Takes no share of the users by weight; only what a rule, or the lane of a caller, sends there. */
  gray: z.boolean().default(false),
  /** Where its traffic goes when neither it nor its zones have an instance; never anywhere else. */
  failOver: Name.nullable().default(null),
};

/** Boundary of service communication inside a workspace. `weight`: its share of the users who are in no cell yet; set by a route-change. */
export const Cell = z.strictObject({
  id: CellId,
  workspaceId: WorkspaceId,
  name: Name,
  zones: z.array(Name).min(1),
  ...cellFields,
  weight: z.int(),
  /** Its traffic goes to its fail-over cell until it is brought back; set by a route-change. */
  away: z.boolean(),
  version: z.int(),
  createdAt: Moment,
});
export type Cell = z.infer<typeof Cell>;
export const CreateCell = z.strictObject({ workspace: Name, name: Name, zones: z.array(Name).min(1), ...cellFields });
export type CreateCell = z.infer<typeof CreateCell>;

export const EditCell = z.strictObject({
  zones: z.array(Name).min(1).optional(),
  type: z.enum(["unit", "shared"]).optional(),
  colour: Name.nullable().optional(),
  gray: z.boolean().optional(),
  failOver: Name.nullable().optional(),
});
export type EditCell = z.infer<typeof EditCell>;

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
  editCell: endpoint("PATCH", "/cells/{cellId}", {
    needs: "cell:update",
    params: z.strictObject({ cellId: CellId }),
    body: EditCell,
    reply: Cell,
  }),
};
