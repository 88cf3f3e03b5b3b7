import type { Sample } from "@evenkeel/contracts/gateway-protocol";
import type { ServiceId, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import { type Kysely, type Selectable, sql } from "kysely";
import type { Database } from "../../database.ts";
import type { SampleTables } from "../tables.ts";

/** What one gateway counted in one window. */
export interface GatewaySample extends Omit<Sample, "at"> {
  readonly workspaceId: WorkspaceId;
}

/** Stores samples at the moment of the database's clock; a gateway's own clock decides nothing. Services of another workspace are not its to report. */
export async function insertSamples(db: Kysely<Database>, samples: readonly GatewaySample[]): Promise<void> {
  await sql`insert into sample_second
    select clock_timestamp(), service.tenant_id, service.workspace_id, told."gatewayId", service.id, told.instance, told.version,
      told."windowMs", told.requests, told."status2xx", told."status3xx", told."status4xx", told."status5xx",
      told."connectErrors", told.unavailable, told.cut, told.retries, told."clientAborts", told."inFlight", told."longLived",
      array(select bucket::int from jsonb_array_elements_text(told.latency) as bucket), told.queued, told.connections
    from jsonb_to_recordset(${JSON.stringify(samples)}::jsonb) as told(
        "gatewayId" text, "workspaceId" text, "serviceId" text, instance text, version text, "windowMs" double precision,
        requests int, "status2xx" int, "status3xx" int, "status4xx" int, "status5xx" int, "connectErrors" int,
        unavailable int, cut int, retries int, "clientAborts" int, "inFlight" int, "longLived" int, latency jsonb,
        queued int, connections int)
      join service on service.id = told."serviceId" and service.workspace_id = told."workspaceId"`.execute(db);
}

export interface SampleQuery {
  readonly tenantId: TenantId;
  readonly serviceId: ServiceId;
  readonly sinceSeconds: number;
  readonly limit: number;
}

/** Seconds are kept for this long; what reaches further back is answered in minutes. */
const SECONDS_KEPT = 900;

/** The newest samples of a service, oldest first. */
export async function readSamples(db: Kysely<Database>, query: SampleQuery): Promise<Sample[]> {
  const table = query.sinceSeconds <= SECONDS_KEPT ? "sample_second" : "sample_minute";
  const rows = await db
    .selectFrom(table)
    .selectAll()
    .where("tenant_id", "=", query.tenantId)
    .where("service_id", "=", query.serviceId)
    .where("at", ">", sql<string>`clock_timestamp() - make_interval(secs => ${query.sinceSeconds})`)
    .orderBy("at", "desc")
    .limit(query.limit)
    .execute();
  return rows.map(decode).reverse();
}

export interface RequestsQuery extends Pick<SampleQuery, "tenantId" | "sinceSeconds"> {
  readonly serviceIds: readonly ServiceId[];
}

/** How many requests services had, those that had any; of the last quarter of an hour at most. */
export async function requestsOf(
  db: Kysely<Database>,
  { tenantId, serviceIds, sinceSeconds }: RequestsQuery,
): Promise<ReadonlyMap<ServiceId, number>> {
  const rows = await db
    .selectFrom("sample_second")
    .select(["service_id as serviceId", sql<number>`sum(requests)::int`.as("requests")])
    .where("tenant_id", "=", tenantId)
    .where("service_id", "=", sql<ServiceId>`any(${serviceIds})`)
    .where("at", ">", sql<string>`clock_timestamp() - make_interval(secs => ${sinceSeconds})`)
    .groupBy("service_id")
    .execute();
  return new Map(rows.map(({ serviceId, requests }) => [serviceId, requests]));
}

const decode = (row: Selectable<SampleTables["sample_second"]>): Sample => ({
  at: row.at,
  windowMs: row.window_ms,
  gatewayId: row.gateway_id,
  serviceId: row.service_id,
  instance: row.instance,
  version: row.version,
  requests: row.requests,
  status2xx: row.status_2xx,
  status3xx: row.status_3xx,
  status4xx: row.status_4xx,
  status5xx: row.status_5xx,
  connectErrors: row.connect_errors,
  unavailable: row.unavailable,
  cut: row.cut,
  retries: row.retries,
  clientAborts: row.client_aborts,
  inFlight: row.in_flight,
  longLived: row.long_lived,
  queued: row.queued,
  connections: row.connections,
  latency: row.latency,
});
