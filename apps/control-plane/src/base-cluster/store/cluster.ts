import type { Placement } from "@evenkeel/contracts/base-cluster";
import { PlatformError } from "@evenkeel/contracts/error";
import {
  BaseClusterId,
  type HostId,
  type Name,
  newId,
  type ServiceId,
  type TenantId,
  type WorkspaceId,
} from "@evenkeel/contracts/id";
import type { Business, SplitRule } from "@evenkeel/contracts/module";
import { json } from "@evenkeel/kit/sql";
import { isUniqueViolation } from "@evenkeel/kit/sql-error";
import { type Kysely, sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";

/** A cluster with what stands in it. */
export interface ClusterRow {
  readonly id: BaseClusterId;
  readonly workspace: Name;
  readonly name: Name;
  readonly buffer: boolean;
  readonly bases: number;
  readonly online: number;
  readonly rules: SplitRule[];
  readonly businesses: Business[];
  readonly version: number;
  readonly createdAt: string;
}

export interface ClusterQuery {
  readonly tenantId: TenantId;
  readonly workspace?: string | undefined;
  readonly name?: string | undefined;
  readonly id?: BaseClusterId;
  readonly after?: string | null;
  readonly rows?: number;
}

export async function readClusters(db: Kysely<Database>, query: ClusterQuery): Promise<ClusterRow[]> {
  const { tenantId, workspace, name, id, after = null, rows } = query;
  const found = await db
    .selectFrom("base_cluster")
    .innerJoin("workspace", "workspace.id", "base_cluster.workspace_id")
    .select([
      ...(["base_cluster.id", "workspace.name as workspace", "base_cluster.name", "base_cluster.buffer"] as const),
      ...(["base_cluster.rules", "base_cluster.businesses", "base_cluster.version"] as const),
      "base_cluster.created_at as createdAt",
      sql<string>`(select count(*) from base where base.cluster_id = base_cluster.id)`.as("bases"),
      sql<string>`(select count(*) from base join host_session s on s.host_id = base.host_id join replica r on r.id = s.replica_id
        where base.cluster_id = base_cluster.id and base.report is not null and r.lease_until > clock_timestamp())`.as(
        "online",
      ),
    ])
    .where("base_cluster.tenant_id", "=", tenantId)
    .$if(workspace !== undefined, (q) => q.where("workspace.name", "=", workspace as Name))
    .$if(name !== undefined, (q) => q.where("base_cluster.name", "=", name as Name))
    .$if(id !== undefined, (q) => q.where("base_cluster.id", "=", id!))
    .$if(after !== null, (q) => q.where("base_cluster.id", ">", after as BaseClusterId))
    .orderBy("base_cluster.id")
    .$if(rows !== undefined, (q) => q.limit(rows!))
    .execute();
  return found.map((row) => ({ ...row, bases: Number(row.bases), online: Number(row.online) }));
}

interface NewCluster {
  readonly tenantId: TenantId;
  readonly workspaceId: WorkspaceId;
  readonly name: Name;
  readonly buffer: boolean;
}

export async function createCluster(tx: Transaction<Database>, given: NewCluster): Promise<BaseClusterId> {
  const { tenantId, workspaceId, name, buffer } = given;
  const id = newId(BaseClusterId, "bcl");
  const row = { id, tenant_id: tenantId, workspace_id: workspaceId, name, buffer };
  await tx
    .insertInto("base_cluster")
    .values(row)
    .execute()
    .catch((error: unknown) => {
      if (isUniqueViolation(error))
        throw new PlatformError("ALREADY_EXISTS", { resource: `base-cluster ${name}` }, { cause: error });
      throw error;
    });
  return id;
}

/** Removes a cluster that has no base. */
export async function removeCluster(tx: Transaction<Database>, tenantId: TenantId, id: BaseClusterId): Promise<void> {
  const [found] = await readClusters(tx, { tenantId, id });
  if (found === undefined) throw new PlatformError("NOT_FOUND", { resource: `base-cluster ${id}` });
  if (found.bases > 0) throw new PlatformError("BASE_CLUSTER_IN_USE", { cluster: found.name, bases: found.bases });
  await tx.deleteFrom("base_cluster").where("id", "=", id).where("tenant_id", "=", tenantId).execute();
}

/** What stands in each of these clusters, by module. */
export async function placementsOf(
  db: Kysely<Database>,
  clusterIds: readonly BaseClusterId[],
): Promise<ReadonlyMap<BaseClusterId, Placement[]>> {
  if (clusterIds.length === 0) return new Map();
  const rows = await db
    .selectFrom("module_placement")
    .select(["cluster_id", "module", "versions", "bases"])
    .where("cluster_id", "in", clusterIds)
    .orderBy("module")
    .execute();
  const byCluster = Map.groupBy(rows, ({ cluster_id }) => cluster_id);
  return new Map([...byCluster].map(([id, its]) => [id, its.map(({ cluster_id: _, ...placement }) => placement)]));
}

interface Settled {
  readonly tenantId: TenantId;
  readonly clusterId: BaseClusterId;
  readonly placements: readonly Placement[];
}

/** These modules stand so from now on; those without any version no longer stand in the cluster. */
export async function putPlacements(
  tx: Transaction<Database>,
  { tenantId, clusterId, placements }: Settled,
): Promise<void> {
  for (const { module, versions, bases } of placements) {
    const which = { cluster_id: clusterId, module };
    if (versions.length === 0 || (bases !== "all" && bases.length === 0)) {
      await tx
        .deleteFrom("module_placement")
        .where("cluster_id", "=", clusterId)
        .where("module", "=", module)
        .execute();
      continue;
    }
    const values = { versions: json(versions), bases: json(bases) };
    await tx
      .insertInto("module_placement")
      .values({ ...which, tenant_id: tenantId, ...values } as never)
      .onConflict((conflict) => conflict.columns(["cluster_id", "module"]).doUpdateSet(values as never))
      .execute();
  }
  await raiseVersion(tx, clusterId, {});
}

interface Split {
  readonly clusterId: BaseClusterId;
  readonly rules: readonly SplitRule[] | null;
  readonly businesses: readonly Business[] | null;
}

/** Rules and businesses of a cluster; null leaves them. */
export async function putSplit(tx: Transaction<Database>, { clusterId, rules, businesses }: Split): Promise<void> {
  const given = { ...(rules && { rules: json(rules) }), ...(businesses && { businesses: json(businesses) }) };
  await raiseVersion(tx, clusterId, given);
}

async function raiseVersion(tx: Transaction<Database>, id: BaseClusterId, given: object): Promise<void> {
  const set = { ...given, version: sql<number>`version + 1` };
  await tx
    .updateTable("base_cluster")
    .set(set as never)
    .where("id", "=", id)
    .execute();
}

/** A cluster by its name, and the bases that are in it. */
export interface ClusterMembers {
  readonly name: Name;
  readonly bases: readonly { readonly serviceId: ServiceId; readonly hostId: HostId }[];
}

export async function membersOfClusters(db: Kysely<Database>, workspaceId: WorkspaceId): Promise<ClusterMembers[]> {
  const rows = await db
    .selectFrom("base_cluster")
    .leftJoin("base", "base.cluster_id", "base_cluster.id")
    .select(["base_cluster.name", "base.service_id as serviceId", "base.host_id as hostId"])
    .where("base_cluster.workspace_id", "=", workspaceId)
    .execute();
  return [...Map.groupBy(rows, ({ name }) => name)].map(([name, its]) => ({
    name,
    bases: its.flatMap(({ serviceId, hostId }) => (serviceId && hostId ? [{ serviceId, hostId }] : [])),
  }));
}
