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

const CellType = z.enum(["unit", "shared"]);
const Zones = z.array(Name).min(1).max(20);

const cellFields = {
  /** `unit`: its traffic stays in it. `shared`: it serves the units of its zones, which turn to it before their fail-over cell. */
  type: CellType.default("unit"),
  /** By which people tell cells of a blue-green pair. */
  colour: Name.nullable().default(null),
  /** Takes no share of the users by weight; only what a rule, or the lane of a caller, sends there. */
  gray: z.boolean().default(false),
  /** Where its traffic goes when neither it nor its zones have an instance; never anywhere else. */
  failOver: Name.nullable().default(null),
};

/** What decides who serves the users of a cell, or how many users it has: altered by a route-change, all but the weight and whether it is away made with it. */
export const cellTraffic = {
  /** The share of users without a cell that each cell gets: its weight in the sum of all. */
  weight: z.int().min(0).max(10_000),
  /** Sent away, its traffic goes to its fail-over cell, wherever it was decided; brought back, everything is as before. */
  away: z.boolean(),
  zones: Zones,
  type: CellType,
  gray: z.boolean(),
  /** Null = nowhere. */
  failOver: Name.nullable(),
};

/** Boundary of service communication inside a workspace. `weight`: its share of the users who are in no cell yet; set by a route-change. */
export const Cell = z.strictObject({
  id: CellId,
  workspaceId: WorkspaceId,
  name: Name,
  zones: Zones,
  ...cellFields,
  weight: z.int(),
  /** Its traffic goes to its fail-over cell until it is brought back; set by a route-change. */
  away: z.boolean(),
  version: z.int(),
  createdAt: Moment,
});
export type Cell = z.infer<typeof Cell>;
export const CreateCell = z.strictObject({ workspace: Name, name: Name, zones: Zones, ...cellFields });
export type CreateCell = z.infer<typeof CreateCell>;

/** What a cell is called by. The rest, which must be as it is here, is altered by a route-change (CELL_MOVES_USERS). */
export const EditCell = z.strictObject({ colour: Name.nullable(), ...cellTraffic }).partial();
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
