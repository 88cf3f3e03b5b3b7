import { PlatformError } from "@evenkeel/contracts/error";
import type { TenantId } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { type Handlers, pageStart, toPage } from "../http/index.ts";
import { findWorkspace } from "../workspace/index.ts";
import { showBase, showCluster } from "./show.ts";
import {
  type BaseRow,
  type ClusterRow,
  createCluster,
  placementsOf,
  readBases,
  readClusters,
  removeCluster,
} from "./store/index.ts";

type Operations =
  | "listBaseClusters"
  | "getBaseCluster"
  | "createBaseCluster"
  | "removeBaseCluster"
  | "listBases"
  | "getBase";

/** Base-clusters and the bases in them. */
export function baseClusterHandlers({ db }: { readonly db: Kysely<Database> }): Handlers<Operations> {
  return {
    listBaseClusters: async ({ caller: { tenantId }, query: { workspace, name, ...page } }) => {
      const rows = await readClusters(db, { tenantId, workspace, name, ...pageStart(page) });
      const show = await clusterShower(db, rows);
      return toPage(rows, page, { show, keyOf: ({ id }) => id });
    },
    getBaseCluster: async ({ caller: { tenantId }, params: { clusterId: id } }) =>
      await shownCluster(db, { tenantId, id }),
    createBaseCluster: async ({ caller: { tenantId }, body: { workspace, name, buffer }, effect }) =>
      await effect(async (tx) => {
        const found = await findWorkspace(tx, { tenantId, name: workspace });
        if (found === null) throw new PlatformError("NOT_FOUND", { resource: `workspace ${workspace}` });
        const id = await createCluster(tx, { tenantId, workspaceId: found.id, name, buffer });
        return await shownCluster(tx, { tenantId, id });
      }),
    removeBaseCluster: async ({ caller: { tenantId }, params: { clusterId }, effect }) => {
      await effect(async (tx) => {
        await removeCluster(tx, tenantId, clusterId);
        return undefined;
      });
    },
    listBases: async ({ caller: { tenantId }, query: { workspace, cluster, name, ...page } }) => {
      const rows = await readBases(db, { tenantId, workspace, cluster, name, ...pageStart(page) });
      return toPage(rows, page, { show: await baseShower(db, rows), keyOf: ({ id }) => id });
    },
    getBase: async ({ caller: { tenantId }, params: { baseId: id } }) => {
      const rows = await readBases(db, { tenantId, id });
      const [row] = rows;
      if (row === undefined) throw new PlatformError("NOT_FOUND", { resource: `base ${id}` });
      return (await baseShower(db, rows))(row);
    },
  };
}

async function shownCluster(db: Kysely<Database>, which: { tenantId: TenantId; id: ClusterRow["id"] }) {
  const rows = await readClusters(db, which);
  const [row] = rows;
  if (row === undefined) throw new PlatformError("NOT_FOUND", { resource: `base-cluster ${which.id}` });
  return (await clusterShower(db, rows))(row);
}

async function clusterShower(db: Kysely<Database>, rows: readonly ClusterRow[]) {
  const ids = rows.map(({ id }) => id);
  const placements = await placementsOf(db, ids);
  return (row: ClusterRow) => showCluster(row, placements.get(row.id) ?? []);
}

async function baseShower(db: Kysely<Database>, rows: readonly BaseRow[]) {
  const ids = [...new Set(rows.flatMap(({ clusterId }) => clusterId ?? []))];
  const placements = await placementsOf(db, ids);
  return (row: BaseRow) => showBase(row, row.clusterId === null ? [] : (placements.get(row.clusterId) ?? []));
}
