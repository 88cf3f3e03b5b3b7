import type { HostId, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import { notify } from "@evenkeel/kit/notify";
import { sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";
import { putUpstreams, ROUTES_CHANNEL } from "../../route/index.ts";
import { adopt, type ReturnedSlot } from "../adopt.ts";

type FoundSlot = ReturnedSlot & { readonly tenantId: TenantId; readonly workspaceId: WorkspaceId };

/** What a host has missed by the backup is owed no more where its slot has gone on since: nothing goes back by itself. */
async function forgetOwed(tx: Transaction<Database>, hostId: HostId): Promise<void> {
  await sql`delete from owed_slot using (
      select coalesce(now.service_id, was.service_id) as service_id
      from (select * from instance where host_id = ${hostId} and state <> 'stopped') now
        full join (select * from restoration_instance where host_id = ${hostId} and state <> 'stopped') was
          on was.service_id = now.service_id and was.letter = now.letter and was.revision_id = now.revision_id
      where now.service_id is null or was.service_id is null) moved
    where owed_slot.host_id = ${hostId} and owed_slot.service_id = moved.service_id`.execute(tx);
}

/** Lets the routes follow what a host runs, where it has gone on since the backup; gateways that wait for its word are told that it came. */
export async function adoptWhatRuns(tx: Transaction<Database>, hostId: HostId): Promise<void> {
  await forgetOwed(tx, hostId);
  const slots = await readSlots(tx, hostId);
  for (const [workspaceId, of] of Map.groupBy(slots, (slot) => slot.workspaceId)) {
    const adopted = of.map(adopt);
    const put = adopted.flatMap((one) => one.put);
    const remove = adopted.flatMap((one) => one.remove);
    const { tenantId } = of[0] as FoundSlot;
    if (put.length > 0) await putUpstreams(tx, { tenantId, workspaceId, put, drain: [], remove });
    else await notify(tx, ROUTES_CHANNEL, workspaceId);
  }
}

async function readSlots(tx: Transaction<Database>, hostId: HostId): Promise<FoundSlot[]> {
  const { rows } = await sql<FoundSlot>`
    select service.tenant_id as "tenantId", service.workspace_id as "workspaceId", service.id as "serviceId", host.id as "hostId",
      host.zone, exists (select from route where service_id = service.id) as routed,
      (select coalesce(jsonb_agg(jsonb_build_object('letter', now.letter, 'revisionId', now.revision_id,
          'version', coalesce(revision.package_version, now.revision_id), 'address', now.address, 'port', now.port, 'state', now.state,
          'known', exists (select from restoration_instance was where was.host_id = now.host_id and was.service_id = now.service_id
            and was.letter = now.letter and was.revision_id = now.revision_id and was.state <> 'stopped'))), '[]')
        from instance now left join revision on revision.id = now.revision_id
        where now.host_id = host.id and now.service_id = service.id) as instances,
      (select coalesce(jsonb_agg(jsonb_build_object('instance', instance, 'serviceId', service_id, 'hostId', host_id, 'letter', letter,
          'revisionId', revision_id, 'version', version, 'zone', upstream.zone, 'address', upstream.address, 'port', port,
          'weight', weight, 'state', state)), '[]')
        from upstream where upstream.host_id = host.id and upstream.service_id = service.id) as upstreams
    from host cross join service
    where host.id = ${hostId} and service.id in (
      select service_id from instance where host_id = ${hostId} union select service_id from upstream where host_id = ${hostId})
    order by service.workspace_id, service.id`.execute(tx);
  return rows;
}
