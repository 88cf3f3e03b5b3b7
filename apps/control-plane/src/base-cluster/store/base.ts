import type { BaseReport } from "@evenkeel/contracts/base-protocol";
import type { BaseClusterId, BaseId, HostId, Name, ServiceId, TenantId } from "@evenkeel/contracts/id";
import { type Kysely, sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";

/** A base as it is stored, with the names of what it belongs to. */
export interface BaseRow {
  readonly id: BaseId;
  readonly name: string;
  readonly workspace: Name;
  readonly service: Name;
  readonly serviceId: ServiceId;
  readonly application: Name;
  readonly host: Name;
  readonly hostId: HostId;
  readonly zone: Name;
  readonly cell: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly clusterId: BaseClusterId | null;
  readonly cluster: Name | null;
  readonly cameFrom: BaseClusterId | null;
  readonly online: boolean;
  readonly report: BaseReport | null;
  readonly reportedAt: string;
}

export interface BaseQuery {
  readonly tenantId: TenantId;
  readonly workspace?: string | undefined;
  readonly cluster?: string | undefined;
  readonly name?: string | undefined;
  readonly id?: BaseId;
  /** Only those there now that say of themselves, or of a module, that something is wrong. */
  readonly troubled?: boolean;
  readonly after?: string | null;
  readonly rows?: number;
}

const NAME = sql<string>`service.name || '@' || host.name`;

const TROUBLED = sql<boolean>`jsonb_path_exists(base.report,
  '$ ? (@.problem != null || exists (@.modules[*] ? (@.state == "broken" || @.health.healthy == false)))')`;

/** Bases of a tenant, in the order in which they were first heard of. */
export async function readBases(db: Kysely<Database>, query: BaseQuery): Promise<BaseRow[]> {
  const { tenantId, workspace, cluster, name, id, after = null, rows, troubled = false } = query;
  const found = await db
    .selectFrom("base")
    .innerJoin("service", "service.id", "base.service_id")
    .innerJoin("host", "host.id", "base.host_id")
    .innerJoin("workspace", "workspace.id", "service.workspace_id")
    .innerJoin("application", "application.id", "service.application_id")
    .leftJoin("base_cluster", "base_cluster.id", "base.cluster_id")
    .leftJoin("host_session", "host_session.host_id", "base.host_id")
    .leftJoin("replica", "replica.id", "host_session.replica_id")
    .select([
      ...(["base.id", "base.report", "workspace.name as workspace", "service.name as service"] as const),
      ...(["base.service_id as serviceId", "host.name as host", "base.host_id as hostId", "host.zone"] as const),
      ...(["host.cell", "host.labels", "base.cluster_id as clusterId", "base_cluster.name as cluster"] as const),
      ...(["base.came_from as cameFrom", "base.reported_at as reportedAt"] as const),
      "application.name as application",
      NAME.as("name"),
      sql<boolean>`coalesce(replica.lease_until > clock_timestamp(), false)`.as("online"),
    ])
    .where("base.tenant_id", "=", tenantId)
    .$if(workspace !== undefined, (q) => q.where("workspace.name", "=", workspace as Name))
    .$if(cluster !== undefined, (q) => q.where("base_cluster.name", "=", cluster as Name))
    .$if(name !== undefined, (q) => q.where(NAME, "=", name!))
    .$if(id !== undefined, (q) => q.where("base.id", "=", id!))
    .$if(troubled, (q) => q.where("replica.lease_until", ">", sql<string>`clock_timestamp()`).where(TROUBLED))
    .$if(after !== null, (q) => q.where("base.id", ">", after as BaseId))
    .orderBy("base.id")
    .$if(rows !== undefined, (q) => q.limit(rows!))
    .execute();
  return found as unknown as BaseRow[];
}

/** The base is in this cluster from now on; `cameFrom`: the buffer that lent it. */
export async function assignBase(
  tx: Transaction<Database>,
  { baseId, clusterId, cameFrom }: Assignment,
): Promise<void> {
  await tx.updateTable("base").set({ cluster_id: clusterId, came_from: cameFrom }).where("id", "=", baseId).execute();
}

interface Assignment {
  readonly baseId: BaseId;
  readonly clusterId: BaseClusterId | null;
  readonly cameFrom: BaseClusterId | null;
}
