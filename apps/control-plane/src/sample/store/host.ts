import type { HostFacts, HostInstance, HostSample } from "@evenkeel/contracts/host";
import type { HostId, TenantId } from "@evenkeel/contracts/id";
import { notify } from "@evenkeel/kit/notify";
import { type Kysely, sql } from "kysely";
import type { Database } from "../../database.ts";

/** Somebody looks at a host and wants newer numbers; payload: the host. */
export const HOST_WANTED_CHANNEL = "host_wanted";
/** There are newer numbers of a host that somebody looks at; payload: the host. */
export const HOST_SAMPLED_CHANNEL = "host_sampled";

/** Asks whoever holds the host's connection for newer numbers. */
export async function wantHost(db: Kysely<Database>, hostId: HostId): Promise<void> {
  await notify(db, HOST_WANTED_CHANNEL, hostId);
}

/** What a host told of itself. */
export interface ToldFacts {
  readonly hostId: HostId;
  readonly facts: HostFacts;
}

/** Stores what hosts use, at the moment of the database's clock, and says so. */
export async function insertHostSamples(
  db: Kysely<Database>,
  told: readonly ToldFacts[],
  { tell }: { readonly tell: boolean },
): Promise<void> {
  const rows = told.map(({ hostId, facts }) => ({ hostId, ...facts }));
  await sql`with stored as (insert into sample_host
    select date_trunc('milliseconds', clock_timestamp()), host.tenant_id, host.id, told."cpuBusy", told.load1,
      told."memoryTotalBytes", told."memoryAvailableBytes", told."diskTotalBytes", told."diskFreeBytes"
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as told("hostId" text, "cpuBusy" double precision,
        load1 double precision, "memoryTotalBytes" bigint, "memoryAvailableBytes" bigint, "diskTotalBytes" bigint,
        "diskFreeBytes" bigint)
      join host on host.id = told."hostId" returning host_id)
    select pg_notify(${HOST_SAMPLED_CHANNEL}, host_id) from stored where ${tell}`.execute(db);
}

export interface HostSampleQuery {
  readonly tenantId: TenantId;
  readonly hostId: HostId;
  readonly sinceSeconds: number;
  /** The last one that is known already. */
  readonly after?: string | null;
  readonly limit: number;
}

/** The newest samples of a host, oldest first. */
export async function readHostSamples(
  db: Kysely<Database>,
  { tenantId, hostId, sinceSeconds, after = null, limit }: HostSampleQuery,
): Promise<HostSample[]> {
  const { rows } = await sql<HostSample>`
    select at, cpu_busy as "cpuBusy", load1, memory_total_bytes as "memoryTotalBytes",
      memory_available_bytes as "memoryAvailableBytes", disk_total_bytes as "diskTotalBytes", disk_free_bytes as "diskFreeBytes"
    from sample_host where tenant_id = ${tenantId} and host_id = ${hostId}
      and at > greatest(${after}::timestamptz, clock_timestamp() - make_interval(secs => ${sinceSeconds}))
    order by at desc limit ${limit}`.execute(db);
  return rows.reverse();
}

/** What stands on a host, with what it used last. */
export async function readHostInstances(
  db: Kysely<Database>,
  { tenantId, hostId }: { readonly tenantId: TenantId; readonly hostId: HostId },
): Promise<HostInstance[]> {
  const { rows } = await sql<HostInstance>`
    select service.id as "serviceId", service.name as service, instance.letter, revision.package_version as "packageVersion",
      instance.state, instance.pid, instance.port, instance.restarts, instance.since,
      used.memory_bytes as "memoryBytes",
      case when used.cpu_ms >= used.cpu_ms_before and used.ms > 0 then (used.cpu_ms - used.cpu_ms_before) / used.ms end as "cpuBusy"
    from instance join service on service.id = instance.service_id join revision on revision.id = instance.revision_id
      left join lateral (
        select memory_bytes, cpu_ms, lead(cpu_ms) over newest as cpu_ms_before,
          extract(epoch from at - lead(at) over newest)::float8 * 1000 as ms
        from instance_sample s where s.host_id = instance.host_id and s.service_id = instance.service_id
          and s.letter = instance.letter and s.revision_id = instance.revision_id
          and s.at > clock_timestamp() - interval '5 minutes'
        window newest as (order by at desc) order by at desc limit 1) used on true
    where instance.host_id = ${hostId} and instance.tenant_id = ${tenantId} and instance.state <> 'stopped'
    order by service.name, instance.letter`.execute(db);
  return rows;
}
