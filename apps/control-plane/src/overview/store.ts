import type { HostState } from "@evenkeel/contracts/host";
import type { ChangeId, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import type { HostStanding, ServiceStanding } from "@evenkeel/contracts/overview";
import { type Kysely, sql } from "kysely";
import type { Database } from "../database.ts";

/** Of which workspace of whom. */
export interface Where {
  readonly tenantId: TenantId;
  readonly workspaceId: WorkspaceId;
}

const MOST_CHANGES = 200;
const MOST_SERVICES = 1000;

/** Changes that have not ended, or did so within a day, newest first, and how far each is. */
export async function recentChanges(
  db: Kysely<Database>,
  { tenantId, workspaceId }: Where,
): Promise<{ readonly id: ChangeId; readonly sequence: number }[]> {
  return await db
    .selectFrom("change")
    .select(["id", "sequence"])
    .where("tenant_id", "=", tenantId)
    .where("workspace_id", "=", workspaceId)
    .where(sql<boolean>`(finished_at is null or finished_at > clock_timestamp() - interval '1 day')`)
    .orderBy("id", "desc")
    .limit(MOST_CHANGES)
    .execute();
}

/** How the services of a workspace stand. */
export async function readServices(db: Kysely<Database>, { tenantId, workspaceId }: Where): Promise<ServiceStanding[]> {
  const { rows } = await sql<ServiceStanding>`
    select service.id as "serviceId", service.name, application.name as application, revision.package_version as version,
      coalesce(count(*) filter (where instance.state = 'healthy'), 0)::int as healthy,
      coalesce(count(*) filter (where instance.state in ('starting', 'stopping')), 0)::int as starting,
      coalesce(count(*) filter (where instance.state in ('unhealthy', 'crash-loop', 'unknown')), 0)::int as troubled,
      (select coalesce(jsonb_object_agg(version, number), '{}') from (
        select upstream.version, count(*)::int as number from upstream
        where upstream.service_id = service.id and upstream.state = 'attached' group by upstream.version) as counted) as attached,
      array(select route.host || case when route.path = '/' then '' else route.path end
        from route where route.service_id = service.id order by 1) as routes
    from service join application on application.id = service.application_id
      left join revision on revision.id = service.revision_id
      left join instance on instance.service_id = service.id and instance.state <> 'stopped'
    where service.tenant_id = ${tenantId} and service.workspace_id = ${workspaceId}
    group by service.id, application.name, revision.package_version
    order by service.name limit ${MOST_SERVICES}`.execute(db);
  return rows;
}

const OTHERS_SHOWN = 50;

/** How the hosts of a workspace stand: their number, and those that are not online. */
export async function readHostStanding(
  db: Kysely<Database>,
  { tenantId, workspaceId }: Where,
): Promise<{ readonly total: number; readonly online: number; readonly others: HostStanding[] }> {
  const { rows } = await sql<{ total: number; online: number; others: HostStanding[] | null }>`
    with standing as (
      select host.id as "hostId", host.name, host.zone,
        case when host.set_aside is not null then host.set_aside
          when replica.lease_until > clock_timestamp() then 'online'
          when host.connection_epoch = 0 then 'joining' else 'offline' end as state,
        coalesce(host.set_aside_at, replica.lease_until, host.offline_at, host.created_at) as since
      from host left join host_session on host_session.host_id = host.id
        left join replica on replica.id = host_session.replica_id
      where host.tenant_id = ${tenantId} and host.workspace_id = ${workspaceId})
    select count(*)::int as total, (count(*) filter (where state = 'online'))::int as online,
      (select jsonb_agg(other) from (select * from standing where state <> 'online' order by name limit ${OTHERS_SHOWN}) as other) as others
    from standing`.execute(db);
  const { total, online, others } = rows[0]!;
  return {
    total,
    online,
    others: (others ?? []).map((one) => ({ ...one, state: one.state as HostState, since: moment(one.since) })),
  };
}

/** Inside JSON the database writes moments with its own offset. */
const moment = (text: string): string => new Date(text).toISOString();

/** Those of these services, hosts and changes that are in another workspace. */
export async function readElsewhere(
  db: Kysely<Database>,
  { tenantId, workspaceId }: Where,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const { rows } = await sql<{ id: string }>`
    select id from service where tenant_id = ${tenantId} and workspace_id <> ${workspaceId} and id = any(${ids})
    union all select id from host where tenant_id = ${tenantId} and workspace_id <> ${workspaceId} and id = any(${ids})
    union all select id from change where tenant_id = ${tenantId} and workspace_id <> ${workspaceId} and id = any(${ids})`.execute(
    db,
  );
  return new Set(rows.map(({ id }) => id));
}
