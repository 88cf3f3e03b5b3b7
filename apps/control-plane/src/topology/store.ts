import type { HostState } from "@evenkeel/contracts/host";
import type { TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import type { TopologyCell, TopologyHost, TopologyInstance, TopologyService } from "@evenkeel/contracts/topology";
import { type Kysely, sql } from "kysely";
import type { Database } from "../database.ts";

/** Of which workspace of whom. */
export interface Where {
  readonly tenantId: TenantId;
  readonly workspaceId: WorkspaceId;
}

const MOST_SERVICES = 1000;
const MOST_HOSTS = 10_000;
const MOST_INSTANCES = 20_000;

export async function readServices(db: Kysely<Database>, { tenantId, workspaceId }: Where): Promise<TopologyService[]> {
  const { rows } = await sql<TopologyService>`
    select service.id as "serviceId", service.name, application.name as application, revision.package_version as version,
      array(select route.host || case when route.path = '/' then '' else route.path end
        from route where route.service_id = service.id order by 1) as routes
    from service join application on application.id = service.application_id
      left join revision on revision.id = service.revision_id
    where service.tenant_id = ${tenantId} and service.workspace_id = ${workspaceId}
    order by service.name limit ${MOST_SERVICES}`.execute(db);
  return rows;
}

export async function readCells(db: Kysely<Database>, { tenantId, workspaceId }: Where): Promise<TopologyCell[]> {
  return await db
    .selectFrom("cell")
    .select(["name", "colour", "type", "weight", "away"])
    .where("tenant_id", "=", tenantId)
    .where("workspace_id", "=", workspaceId)
    .orderBy("name")
    .execute();
}

export async function readHosts(db: Kysely<Database>, { tenantId, workspaceId }: Where): Promise<TopologyHost[]> {
  const { rows } = await sql<TopologyHost & { readonly state: HostState }>`
    select host.id as "hostId", host.name, host.zone, host.cell,
      case when host.set_aside is not null then host.set_aside
        when replica.lease_until > clock_timestamp() then 'online'
        when host.connection_epoch = 0 then 'joining' else 'offline' end as state
    from host left join host_session on host_session.host_id = host.id
      left join replica on replica.id = host_session.replica_id
    where host.tenant_id = ${tenantId} and host.workspace_id = ${workspaceId}
    order by host.name limit ${MOST_HOSTS}`.execute(db);
  return rows;
}

/** Those that are not stopped, and how many there are in all. */
export async function readInstances(
  db: Kysely<Database>,
  { tenantId, workspaceId }: Where,
): Promise<{ readonly instances: TopologyInstance[]; readonly instancesInAll: number }> {
  const { rows } = await sql<TopologyInstance & { readonly total: number }>`
    select instance.service_id || '/' || instance.host_id || '/' || instance.letter as instance,
      instance.service_id as "serviceId", instance.host_id as "hostId", revision.package_version as version,
      instance.state, coalesce(upstream.state, 'detached') as traffic, (count(*) over ())::int as total
    from instance join service on service.id = instance.service_id
      join revision on revision.id = instance.revision_id
      left join upstream on upstream.service_id = instance.service_id and upstream.host_id = instance.host_id
        and upstream.letter = instance.letter
    where service.tenant_id = ${tenantId} and service.workspace_id = ${workspaceId} and instance.state <> 'stopped'
    order by instance.service_id, instance.host_id, instance.letter limit ${MOST_INSTANCES}`.execute(db);
  const instances = rows.map(({ total: _, ...instance }) => instance);
  return { instances, instancesInAll: rows[0]?.total ?? 0 };
}
