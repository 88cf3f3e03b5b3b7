import type { SlotBase } from "@evenkeel/contracts/agent-protocol";
import { BaseId, type HostId, newId, type ReplicaId, type TenantId } from "@evenkeel/contracts/id";
import { type Kysely, sql } from "kysely";
import type { Database } from "../../database.ts";

/** What an agent tells of the bases of its host. */
export interface BasesTold {
  readonly connection: { readonly hostId: HostId; readonly connectionEpoch: number; readonly replicaId: ReplicaId };
  readonly tenantId: TenantId;
  /** Those that are not named are gone. */
  readonly whole: boolean;
  readonly bases: readonly SlotBase[];
}

/** Stores it; a base that is new is made known. Only the newest connection of a host speaks. */
export async function recordBases(
  db: Kysely<Database>,
  { connection, tenantId, whole, bases }: BasesTold,
): Promise<void> {
  const { hostId, connectionEpoch, replicaId } = connection;
  const told = JSON.stringify(bases.map(({ slot, report }) => ({ id: newId(BaseId, "base"), slot, report })));
  await sql`
    with told as materialized (
      select id, slot, nullif(report, 'null'::jsonb) as report
      from jsonb_to_recordset(${told}::jsonb) as told(id text, slot text, report jsonb)
    ), speaks as materialized (
      select s.host_id from host_session s join replica r on r.id = s.replica_id
      where s.host_id = ${hostId} and s.connection_epoch = ${connectionEpoch} and s.replica_id = ${replicaId}
        and r.lease_until > clock_timestamp()
    ), gone as (
      update base set report = null, reported_at = clock_timestamp()
      where host_id = ${hostId} and report is not null and exists (select from speaks)
        and (exists (select from told where told.slot = base.service_id and told.report is null)
          or ${whole} and not exists (select from told where told.slot = base.service_id))
    )
    insert into base (id, tenant_id, service_id, host_id, report)
    select told.id, service.tenant_id, told.slot, ${hostId}, told.report
    from told join service on service.id = told.slot and service.tenant_id = ${tenantId}
    where told.report is not null and exists (select from speaks)
    order by told.slot
    on conflict (service_id, host_id) do update set report = excluded.report, reported_at = clock_timestamp()`.execute(
    db,
  );
}
