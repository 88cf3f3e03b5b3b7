import type { HostId, RevisionId, ServiceId, WorkspaceId } from "@evenkeel/contracts/id";
import type { InstanceKey } from "@evenkeel/contracts/route-table";
import { notify } from "@evenkeel/kit/notify";
import { type Kysely, type Selectable, sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";
import type { RouteTables } from "../tables.ts";
import { ROUTES_CHANNEL, raiseVersion, type TableVersion, type Where } from "./version.ts";

/** Of an instance that takes its whole share. */
export const FULL_WEIGHT = 100;

/** An instance that begins to take traffic. */
export interface NewUpstream {
  readonly instance: InstanceKey;
  readonly serviceId: ServiceId;
  readonly hostId: HostId;
  readonly letter: "a" | "b";
  readonly revisionId: RevisionId;
  /** Of the package. */
  readonly version: string;
  readonly zone: string;
  readonly address: string;
  readonly port: number;
  readonly weight: number;
}

export interface PutUpstreams extends Where {
  readonly put: readonly NewUpstream[];
  readonly drain: readonly InstanceKey[];
  readonly remove: readonly InstanceKey[];
}

/** Brings instances in, lets others drain and takes others out, all with one new version of the table. */
export async function putUpstreams(tx: Transaction<Database>, change: PutUpstreams): Promise<TableVersion> {
  const version = await raiseVersion(tx, change);
  if (change.remove.length > 0) {
    await tx.deleteFrom("upstream").where("instance", "in", change.remove).execute();
    await forgetReports(tx, change.remove);
  }
  if (change.drain.length > 0) {
    await tx
      .updateTable("upstream")
      .set({ state: "draining", state_version: version.tableVersion })
      .where("instance", "in", change.drain)
      .where("state", "=", "attached")
      .execute();
  }
  for (const upstream of change.put) await putUpstream(tx, upstream, { ...change, ...version });
  await markSick(tx, change.put);
  return version;
}

async function putUpstream(
  tx: Transaction<Database>,
  upstream: NewUpstream,
  { tenantId, workspaceId, tableVersion }: Where & TableVersion,
): Promise<void> {
  const row = {
    tenant_id: tenantId,
    workspace_id: workspaceId,
    service_id: upstream.serviceId,
    host_id: upstream.hostId,
    letter: upstream.letter,
    revision_id: upstream.revisionId,
    version: upstream.version,
    zone: upstream.zone,
    address: upstream.address,
    port: upstream.port,
    weight: upstream.weight,
    state: "attached" as const,
    state_version: tableVersion,
    cut: false,
    healthy: true,
    unhealthy_at: null,
  };
  await tx
    .insertInto("upstream")
    .values({ instance: upstream.instance, ...row })
    .onConflict((conflict) => conflict.column("instance").doUpdateSet(row))
    .execute();
  await forgetReports(tx, [upstream.instance]);
}

/** One that fell ill between its last check and this moment comes in as what it is: its agent tells changes only. */
async function markSick(tx: Transaction<Database>, put: readonly NewUpstream[]): Promise<void> {
  const instances = put.map((upstream) => upstream.instance);
  await sql`update upstream set healthy = false, unhealthy_at = clock_timestamp() from instance told
    where upstream.instance = any(${instances}) and told.service_id = upstream.service_id and told.host_id = upstream.host_id
      and told.letter = upstream.letter and told.revision_id = upstream.revision_id
      and told.state in ('unhealthy', 'crash-loop', 'stopped')`.execute(tx);
}

/** A name comes back with the next instance of its slot: what was said of the last one is not about that. */
async function forgetReports(tx: Transaction<Database>, instances: readonly InstanceKey[]): Promise<void> {
  await sql`with drained as (delete from drain_report where instance = any(${instances}))
    delete from reach_report where instance = any(${instances})`.execute(tx);
}

/** Asks every gateway to cut what is in flight on this draining instance. */
export async function cutInstance(tx: Transaction<Database>, instance: InstanceKey): Promise<void> {
  const row = await tx
    .updateTable("upstream")
    .set({ cut: true })
    .where("instance", "=", instance)
    .where("state", "=", "draining")
    .returning("workspace_id")
    .executeTakeFirst();
  if (row) await notify(tx, ROUTES_CHANNEL, row.workspace_id);
}

export interface InstanceHealth {
  readonly instance: InstanceKey;
  readonly healthy: boolean;
}

/** Takes the agents' word on instances that are in traffic; a new table version only where something changed. */
export async function reportHealth(tx: Transaction<Database>, reports: readonly InstanceHealth[]): Promise<void> {
  const sick = reports.filter((report) => !report.healthy).map((report) => report.instance);
  const well = reports.filter((report) => report.healthy).map((report) => report.instance);
  const changed = sql`((instance = any(${sick}) and healthy) or (instance = any(${well}) and not healthy)) and state = 'attached'`;
  const { rows } = await sql<Where>`
    select distinct tenant_id as "tenantId", workspace_id as "workspaceId" from upstream where ${changed}
    order by workspace_id`.execute(tx);
  for (const where of rows) {
    await raiseVersion(tx, where);
    await sql`update upstream set healthy = not healthy,
        unhealthy_at = case when healthy then clock_timestamp() end
      where workspace_id = ${where.workspaceId} and ${changed}`.execute(tx);
  }
}

export interface UpstreamState extends NewUpstream {
  readonly state: "attached" | "draining";
  readonly healthy: boolean;
  /** The table version that brought it into this state. */
  readonly stateVersion: number;
}

/** The instances of a service that are in traffic, or are leaving it. */
export async function upstreamsOf(db: Kysely<Database>, serviceId: ServiceId): Promise<UpstreamState[]> {
  const rows = await db
    .selectFrom("upstream")
    .selectAll()
    .where("service_id", "=", serviceId)
    .orderBy("instance")
    .execute();
  return rows.map(decode);
}

const decode = (row: Selectable<RouteTables["upstream"]>): UpstreamState => ({
  instance: row.instance,
  serviceId: row.service_id,
  hostId: row.host_id,
  letter: row.letter,
  revisionId: row.revision_id,
  version: row.version,
  zone: row.zone,
  address: row.address,
  port: row.port,
  weight: row.weight,
  state: row.state,
  healthy: row.healthy,
  stateVersion: row.state_version,
});

/** What takes requests in a workspace, and of which services. */
export async function servingIn(db: Kysely<Database>, workspaceId: WorkspaceId) {
  return await db
    .selectFrom("upstream")
    .innerJoin("service", "service.id", "upstream.service_id")
    .innerJoin("application", "application.id", "service.application_id")
    .select([
      "upstream.service_id as serviceId",
      "service.name as service",
      "application.name as application",
      "service.revision_id as revisionId",
      "upstream.instance as instance",
      "upstream.host_id as hostId",
      "upstream.version as version",
      "upstream.zone as zone",
    ])
    .where("upstream.workspace_id", "=", workspaceId)
    .where("upstream.state", "=", "attached")
    .where("upstream.healthy", "=", true)
    .where("upstream.weight", ">", 0)
    .orderBy("upstream.instance")
    .execute();
}
