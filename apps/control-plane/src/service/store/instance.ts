import type { InstanceReport } from "@evenkeel/contracts/agent-protocol";
import type { HostId, Name, ServiceId, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import type { Instance } from "@evenkeel/contracts/service";
import { type Kysely, sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";

/** Instances with their hosts and, where they take traffic, their place in the routes. */
function instancesWithTraffic(db: Kysely<Database>) {
  return db
    .selectFrom("instance")
    .innerJoin("host", "host.id", "instance.host_id")
    .leftJoin("upstream", (join) =>
      join
        .onRef("upstream.service_id", "=", "instance.service_id")
        .onRef("upstream.host_id", "=", "instance.host_id")
        .onRef("upstream.letter", "=", "instance.letter"),
    );
}

/** The instances of a service as their agents last told, in the order of their hosts' names. */
export async function instancesOf(db: Kysely<Database>, serviceId: ServiceId): Promise<Instance[]> {
  const rows = await instancesWithTraffic(db)
    .leftJoin("revision", "revision.id", "instance.revision_id")
    .select(({ fn, ref }) => [
      "instance.service_id as serviceId",
      "instance.host_id as hostId",
      "host.name as hostName",
      "host.zone as zone",
      "instance.letter as letter",
      "instance.revision_id as revisionId",
      // A revision that is newer than the backup which was restored goes by its id.
      fn.coalesce(ref("revision.package_version"), ref("instance.revision_id")).as("packageVersion"),
      "instance.state as state",
      "upstream.state as traffic",
      "instance.address as address",
      "instance.port as port",
      "instance.pid as pid",
      "instance.restarts as restarts",
      "instance.since as since",
    ])
    .where("instance.service_id", "=", serviceId)
    .orderBy("host.name")
    .orderBy("instance.letter")
    .execute();
  return rows.map(({ traffic, ...row }) => ({ ...row, traffic: traffic ?? "detached" }));
}

/** Which services stand on a host. */
export async function servicesOn(db: Kysely<Database>, hostId: HostId): Promise<string[]> {
  const rows = await db
    .selectFrom("instance")
    .innerJoin("service", "service.id", "instance.service_id")
    .select("service.name")
    .distinct()
    .where("instance.host_id", "=", hostId)
    .where("instance.state", "!=", "stopped")
    .execute();
  return rows.map((row) => row.name);
}

/** Services that are for the hosts of certain cells and were released, with the hosts that they stand on. */
export async function servicesForCells(db: Kysely<Database>, workspaceId: WorkspaceId) {
  return await db
    .selectFrom("service")
    .leftJoin("instance", (join) =>
      join.onRef("instance.service_id", "=", "service.id").on("instance.state", "!=", "stopped"),
    )
    .select([
      "service.name as service",
      sql<Name[]>`service.definition -> 'hosts' -> 'cells'`.as("cells"),
      sql<
        HostId[]
      >`coalesce(jsonb_agg(distinct instance.host_id) filter (where instance.host_id is not null), '[]')`.as("hostIds"),
    ])
    .where("service.workspace_id", "=", workspaceId)
    .where("service.revision_id", "is not", null)
    .where(sql<boolean>`jsonb_typeof(service.definition -> 'hosts' -> 'cells') = 'array'`)
    .groupBy("service.id")
    .orderBy("service.name")
    .execute();
}

export interface HostReport {
  readonly tenantId: TenantId;
  readonly hostId: HostId;
  readonly address: string;
  readonly instances: readonly InstanceReport[];
}

/** Takes an agent's list of all its instances; what is not on it is gone. Services of another tenant are not its to report. */
export async function recordInstances(tx: Transaction<Database>, report: HostReport): Promise<void> {
  const { hostId, tenantId, address } = report;
  const told = JSON.stringify(report.instances);
  await sql`
    with told as materialized (
      select slot, letter, "revisionId", port, state, pid, restarts, problem, since
      from jsonb_to_recordset(${told}::jsonb) as told(
        slot text, letter text, "revisionId" text, port int, state text, pid int, restarts int, problem jsonb, since timestamptz)
    ), gone as (
      delete from instance where host_id = ${hostId} and not exists (
        select from told where told.slot = instance.service_id and told.letter = instance.letter)
    )
    insert into instance (service_id, host_id, letter, tenant_id, revision_id, address, port, state, pid, restarts, problem, since)
    select told.slot, ${hostId}, told.letter, service.tenant_id, told."revisionId", ${address}, told.port, told.state,
      told.pid, told.restarts, nullif(told.problem, 'null'::jsonb), told.since
    from told join service on service.id = told.slot and service.tenant_id = ${tenantId}
    order by told.slot, told.letter
    on conflict (service_id, host_id, letter) do update set revision_id = excluded.revision_id, address = excluded.address,
      port = excluded.port, state = excluded.state, pid = excluded.pid, restarts = excluded.restarts,
      problem = excluded.problem, since = excluded.since`.execute(tx);
}

/** Instances that crash again and again or are not healthy, of one tenant; a hundred at most. */
export async function troubledInstances(db: Kysely<Database>, tenantId: TenantId) {
  return await instancesWithTraffic(db)
    .innerJoin("service", "service.id", "instance.service_id")
    .select([
      "service.id as serviceId",
      "host.id as hostId",
      "service.name as service",
      "host.name as host",
      "instance.letter",
      "instance.state",
      "instance.problem",
      "instance.since",
      (eb) => eb("upstream.instance", "is not", null).as("attached"),
    ])
    .where("instance.tenant_id", "=", tenantId)
    .where("instance.state", "in", ["crash-loop", "unhealthy"])
    .orderBy("service.name")
    .orderBy("host.name")
    .limit(100)
    .execute();
}
