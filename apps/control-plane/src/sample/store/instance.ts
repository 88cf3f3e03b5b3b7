import { sql, type Transaction } from "kysely";
import type { InstanceReading, MeasureScope } from "../../change/index.ts";
import type { Database } from "../../database.ts";

/** How the instances of a service stand, those that were changed and those that were not. */
export async function readInstances(tx: Transaction<Database>, scope: MeasureScope): Promise<InstanceReading[]> {
  const { rows } = await sql<InstanceReading>`
    select host.name as host, coalesce(one."changedAt" is not null, false) as changed,
      exists (select from host_session session join replica on replica.id = session.replica_id
        where session.host_id = host.id and replica.lease_until > clock_timestamp()) as online,
      instance.state, instance.restarts, null::bigint as "memoryBytes", null::bigint as "memoryBytesBefore"
    from instance join host on host.id = instance.host_id
      left join jsonb_to_recordset(${JSON.stringify(scope.targets)}::jsonb)
          as one("serviceId" text, "hostId" text, "changedAt" timestamptz, untouched boolean)
        on instance.service_id = one."serviceId" and instance.host_id = one."hostId"
    where instance.service_id = any(${[...new Set(scope.targets.map(({ serviceId }) => serviceId))]})
      and instance.tenant_id = ${scope.tenantId} and instance.state <> 'stopped'
      and (one."changedAt" is not null or coalesce(one.untouched, true))
    order by host.name, instance.letter`.execute(tx);
  return rows;
}
