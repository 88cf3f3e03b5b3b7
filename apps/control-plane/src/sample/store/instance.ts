import type { InstanceUsage } from "@evenkeel/contracts/agent-protocol";
import type { HostId, ServiceId } from "@evenkeel/contracts/id";
import { notify } from "@evenkeel/kit/notify";
import { type Kysely, sql, type Transaction } from "kysely";
import type { InstanceReading, MeasureScope } from "../../change/index.ts";
import type { Database } from "../../database.ts";

/** A guard wants to know what the instances of a service use; payload: the service. */
export const USAGE_CHANNEL = "usage_wanted";

/** Stores what agents told, with what else is known of the same instances; of another tenant's services nobody tells. */
export async function insertUsage(
  db: Kysely<Database>,
  told: readonly (InstanceUsage & { readonly hostId: HostId })[],
): Promise<void> {
  await sql`insert into instance_sample
    select clock_timestamp(), instance.tenant_id, service.workspace_id, instance.service_id, instance.host_id, instance.letter,
      instance.revision_id, instance.state, instance.restarts, told."memoryBytes", told."cpuMs"
    from jsonb_to_recordset(${JSON.stringify(told)}::jsonb)
        as told("hostId" text, slot text, letter text, "revisionId" text, "memoryBytes" bigint, "cpuMs" bigint)
      join instance on instance.service_id = told.slot and instance.host_id = told."hostId" and instance.letter = told.letter
        and instance.revision_id = told."revisionId"
      join service on service.id = instance.service_id`.execute(db);
}

/** How the instances of a service stand, those that were changed and those that were not; asks for newer numbers too. */
export async function readInstances(tx: Transaction<Database>, scope: MeasureScope): Promise<InstanceReading[]> {
  const services: ServiceId[] = [...new Set(scope.targets.map(({ serviceId }) => serviceId))];
  for (const serviceId of services) await notify(tx, USAGE_CHANNEL, serviceId);
  const targets = scope.targets.map(({ changedAt, ...target }) => ({
    ...target,
    changedAt: settledAt(scope, changedAt),
  }));
  const { rows } = await sql<InstanceReading>`
    select host.name as host, coalesce(one."changedAt" is not null, false) as changed,
      exists (select from host_session session join replica on replica.id = session.replica_id
        where session.host_id = host.id and replica.lease_until > clock_timestamp()) as online,
      instance.state,
      instance.restarts - case when earlier.restarts <= instance.restarts then earlier.restarts else 0 end as restarts,
      newest.memory_bytes as "memoryBytes", former.memory_bytes as "memoryBytesBefore"
    from instance join host on host.id = instance.host_id
      left join jsonb_to_recordset(${JSON.stringify(targets)}::jsonb)
          as one("serviceId" text, "hostId" text, "changedAt" timestamptz, untouched boolean)
        on instance.service_id = one."serviceId" and instance.host_id = one."hostId"
      left join lateral (select memory_bytes from instance_sample s where s.service_id = instance.service_id
          and s.host_id = instance.host_id and s.letter = instance.letter and s.revision_id = instance.revision_id
          and s.at > coalesce(one."changedAt", clock_timestamp() - interval '3 minutes')
        order by s.at desc limit 1) newest on true
      left join lateral (select memory_bytes from instance_sample s where s.service_id = instance.service_id
          and s.host_id = instance.host_id and s.at <= ${scope.changeStartedAt}::timestamptz
          and s.at > ${scope.changeStartedAt}::timestamptz - interval '10 minutes'
        order by s.at desc limit 1) former on one."changedAt" is not null
      left join lateral (select restarts from instance_sample s where s.service_id = instance.service_id
          and s.host_id = instance.host_id and s.letter = instance.letter and s.revision_id = instance.revision_id
          and s.at <= ${scope.changeStartedAt}::timestamptz
        order by s.at desc limit 1) earlier on one."changedAt" is not null
    where instance.service_id = any(${services}) and instance.tenant_id = ${scope.tenantId} and instance.state <> 'stopped'
      and (one."changedAt" is not null or coalesce(one.untouched, true))
    order by host.name, instance.letter`.execute(tx);
  return rows;
}

/** From when on the numbers of a changed target count. */
function settledAt({ warmUpSeconds }: MeasureScope, changedAt: string | null): string | null {
  return changedAt === null ? null : new Date(Date.parse(changedAt) + warmUpSeconds * 1000).toISOString();
}
