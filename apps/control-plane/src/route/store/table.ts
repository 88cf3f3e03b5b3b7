import type { WorkspaceId } from "@evenkeel/contracts/id";
import type { InstanceKey, RouteTable } from "@evenkeel/contracts/route-table";
import { type Kysely, sql } from "kysely";
import type { Database } from "../../database.ts";
import { type OpenKey, renderRows, type TableRows } from "../render.ts";

/** The table as it stands. One statement, so that its parts are of one moment. */
export async function renderTable(
  db: Kysely<Database>,
  workspaceId: WorkspaceId,
  openKey: OpenKey | null = null,
): Promise<RouteTable> {
  const { rows } = await sql<TableRows>`
    select installation.epoch,
      coalesce((select version from route_table where workspace_id = ${workspaceId}), 0) as version,
      (select coalesce(jsonb_agg(jsonb_build_object(
          'routeId', id, 'host', host, 'path', path, 'serviceId', service_id) order by id), '[]')
        from route where workspace_id = ${workspaceId}) as routes,
      (select coalesce(jsonb_agg(jsonb_build_object(
          'serviceId', id, 'name', name, 'allowGap', coalesce((definition ->> 'allowGap')::boolean, false)) order by id), '[]')
        from service where workspace_id = ${workspaceId}
          and (exists (select from route where service_id = service.id)
            or exists (select from upstream where service_id = service.id))) as services,
      (select coalesce(jsonb_agg(jsonb_build_object(
          'serviceId', service_id, 'hostId', host_id, 'instance', instance, 'version', version, 'zone', zone, 'address', address,
          'port', port, 'weight', weight, 'state', state, 'healthy', healthy, 'unhealthyAt', unhealthy_at) order by instance), '[]')
        from upstream where workspace_id = ${workspaceId}) as upstreams,
      jsonb_build_object(
        'rules', (select coalesce(jsonb_agg(jsonb_build_object('serviceId', service_id, 'definition', definition)), '[]')
          from traffic_rule where workspace_id = ${workspaceId}),
        'policies', (select coalesce(jsonb_agg(jsonb_build_object('serviceId', service_id, 'definition', definition)), '[]')
          from traffic_policy where workspace_id = ${workspaceId}),
        'cells', (select coalesce(jsonb_agg(jsonb_build_object('name', name, 'zones', zones, 'type', type,
            'weight', weight, 'gray', gray, 'away', away, 'failOver', fail_over) order by name), '[]')
          from cell where workspace_id = ${workspaceId}),
        'hosts', (select coalesce(jsonb_agg(jsonb_build_object('hostId', id, 'name', name, 'cell', cell, 'address', address)), '[]')
          from host where workspace_id = ${workspaceId}
            and (cell is not null or exists (select from traffic_rule where workspace_id = ${workspaceId}))),
        'bases', (select coalesce(jsonb_agg(jsonb_build_object('serviceId', base.service_id, 'hostId', base.host_id,
            'cluster', base_cluster.name, 'paths', base.paths)), '[]')
          from base join service on service.id = base.service_id left join base_cluster on base_cluster.id = base.cluster_id
          where service.workspace_id = ${workspaceId} and (base.paths <> '{}'
            or base.cluster_id is not null and exists (select from traffic_rule where workspace_id = ${workspaceId}))),
        'entry', (select jsonb_build_object('secret', secret, 'userKey', user_key)
          from traffic_entry where workspace_id = ${workspaceId})) as traffic,
      (select coalesce(jsonb_agg(jsonb_build_object(
          'name', name, 'hosts', hosts, 'chain', chain, 'sealedKey', sealed_key, 'endsAt', ends_at, 'fallback', fallback)
          order by name), '[]')
        from certificate where workspace_id = ${workspaceId}) as certificates
    from installation`.execute(db);
  return renderRows(workspaceId, rows[0]!, openKey);
}

/** The draining instances whose requests are to be cut. */
export async function instancesToCut(db: Kysely<Database>, workspaceId: WorkspaceId): Promise<InstanceKey[]> {
  const rows = await db
    .selectFrom("upstream")
    .select("instance")
    .where("workspace_id", "=", workspaceId)
    .where("cut", "=", true)
    .where("state", "=", "draining")
    .execute();
  return rows.map((row) => row.instance);
}
