import type { InstanceReport } from "@evenkeel/contracts/agent-protocol";
import type { HostDrift, Restoration } from "@evenkeel/contracts/backup";
import type { HostId, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import { type Kysely, type RawBuilder, sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";

/** Keeps what a host says first after a restore, and answers whether this was it; later it says what has been done since. */
export async function noteFirstReport(
  tx: Transaction<Database>,
  host: { readonly hostId: HostId; readonly tenantId: TenantId; readonly instances: readonly InstanceReport[] },
): Promise<boolean> {
  const { numAffectedRows } = await sql`insert into host_report (host_id, tenant_id, epoch, instances)
    select ${host.hostId}, ${host.tenantId}, epoch, ${JSON.stringify(host.instances)}::jsonb from restoration
    on conflict (host_id) do nothing`.execute(tx);
  return numAffectedRows === 1n;
}

/** Whether a host has said what runs there, since there was a restore. `column`: of the statement around it, with the host's id. */
export const hasSpoken = (column: string): RawBuilder<boolean> =>
  sql<boolean>`(not exists (select from restoration) or exists (select from host_report where host_report.host_id = ${sql.ref(column)}))`;

/** How many hosts have instances in the routes of a workspace, and have not said since the restore what runs there. `epoch`: of that restore. */
export async function readSilence(
  db: Kysely<Database>,
  workspaceId: WorkspaceId,
): Promise<{ readonly epoch: number; readonly hosts: number }> {
  const { rows } = await sql<{ epoch: number; hosts: number }>`
    select epoch, (select count(distinct host_id)::int from upstream where workspace_id = ${workspaceId}
      and not exists (select from host_report where host_report.host_id = upstream.host_id)) as hosts
    from restoration`.execute(db);
  return rows[0] ?? { epoch: 0, hosts: 0 };
}

/** The last restore; null = there was none. */
export async function readRestoration(db: Kysely<Database>): Promise<Restoration | null> {
  const row = await db
    .selectFrom("restoration")
    .select(["epoch", "taken_at as takenAt", "restored_at as restoredAt"])
    .executeTakeFirst();
  return row ?? null;
}

export interface DriftPage {
  readonly tenantId: TenantId;
  readonly state: HostDrift["state"] | undefined;
  readonly after: string | null;
  readonly rows: number;
}

/** Hosts that were in the backup, with what they run otherwise than it says. */
export async function readDrift(db: Kysely<Database>, page: DriftPage): Promise<HostDrift[]> {
  const { rows } = await sql<HostDrift>`
    with told as (
      select r.host_id, one.* from host_report r,
        jsonb_to_recordset(r.instances) as one(slot text, letter text, "revisionId" text, state text)
    ), difference as (
      select coalesce(told.host_id, was.host_id) as host_id,
        coalesce(service.name, told.slot, was.service_id) || ' ' || coalesce(told.letter, was.letter) || ': ' || case
          when was.host_id is null then 'runs ' || coalesce(is_now.package_version, told."revisionId") || ', which is newer than the backup'
          when told.host_id is null then 'ran ' || coalesce(had.package_version, was.revision_id) || ' by the backup, and is gone'
          when told."revisionId" <> was.revision_id then 'runs ' || coalesce(is_now.package_version, told."revisionId")
            || ', by the backup ' || coalesce(had.package_version, was.revision_id)
          else 'is ' || told.state || ', was ' || was.state || ' by the backup' end as text
      from told full join (select w.* from restoration_instance w join host_report r on r.host_id = w.host_id) was
          on was.host_id = told.host_id and was.service_id = told.slot and was.letter = told.letter
        left join service on service.id = coalesce(told.slot, was.service_id)
        left join revision is_now on is_now.id = told."revisionId"
        left join revision had on had.id = was.revision_id
      where was.host_id is null or told.host_id is null or told."revisionId" <> was.revision_id
        or (told.state = 'stopped') <> (was.state = 'stopped')
    ), drift as (
      select host.id as "hostId", host.name, host.tenant_id,
        case when report.host_id is null then 'away' when bool_or(d.host_id is not null) then 'moved' else 'as-backed-up' end as state,
        coalesce(array_agg(d.text order by d.text) filter (where d.host_id is not null), '{}') as differences
      from host cross join restoration left join host_report report on report.host_id = host.id
        left join difference d on d.host_id = host.id
      where host.created_at < restoration.restored_at
      group by host.id, report.host_id
    )
    select "hostId", name, state, differences from drift
    where tenant_id = ${page.tenantId} and (${page.state ?? null}::text is null or state = ${page.state ?? null})
      and "hostId" > ${page.after ?? ""}
    order by "hostId" limit ${page.rows}`.execute(db);
  return rows;
}
