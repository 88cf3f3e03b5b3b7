import type { GatewayId, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import type { InstanceKey } from "@evenkeel/contracts/route-table";
import { notify } from "@evenkeel/kit/notify";
import { type Kysely, sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";
import { TRAFFIC_CHANNEL } from "./version.ts";

export interface Confirmation {
  /** Every gateway of the workspace runs on this version or a later one. */
  readonly confirmed: boolean;
  /** Names of the gateways that have not confirmed it. */
  readonly waitingFor: string[];
  /** Those of them that are not connected. */
  readonly away: string[];
  /** How many gateways there are at all. */
  readonly gateways: number;
}

export async function confirmation(
  db: Kysely<Database>,
  workspaceId: WorkspaceId,
  tableVersion: number,
): Promise<Confirmation> {
  const { rows } = await sql<{ name: string; confirmed: boolean; online: boolean }>`
    select gateway.name,
      (acked_epoch, acked_version) >= (installation.epoch::bigint, ${tableVersion}::bigint) as confirmed,
      exists (select from gateway_session s join replica on replica.id = s.replica_id
        where s.gateway_id = gateway.id and replica.lease_until > clock_timestamp()) as online
    from gateway cross join installation where workspace_id = ${workspaceId} order by gateway.name`.execute(db);
  const waiting = rows.filter((row) => !row.confirmed);
  return {
    confirmed: waiting.length === 0,
    waitingFor: waiting.map((row) => row.name),
    away: waiting.filter((row) => !row.online).map((row) => row.name),
    gateways: rows.length,
  };
}

export interface DrainStatus {
  /** Every gateway has counted since it began to drain. */
  readonly known: boolean;
  readonly inFlight: number;
  readonly longLived: number;
}

/** What is still in flight on an instance; one that is not in the table has nothing. */
export async function drainStatus(db: Kysely<Database>, instance: InstanceKey): Promise<DrainStatus> {
  const { rows } = await sql<DrainStatus>`
    select upstream.state = 'draining' and bool_and(gateway.id is null or coalesce(
        (gateway.acked_epoch, gateway.acked_version) >= (installation.epoch::bigint, upstream.state_version)
        and report.table_version >= upstream.state_version, false)) as known,
      coalesce(sum(report.in_flight), 0)::int as "inFlight",
      coalesce(sum(report.long_lived), 0)::int as "longLived"
    from upstream cross join installation
      left join gateway on gateway.workspace_id = upstream.workspace_id
      left join drain_report report on report.gateway_id = gateway.id and report.instance = upstream.instance
    where upstream.instance = ${instance}
    group by upstream.instance`.execute(db);
  return rows[0] ?? { known: true, inFlight: 0, longLived: 0 };
}

export interface ReachedStatus {
  /** Every gateway has made a connection to it since it came in. */
  readonly reached: boolean;
  /** Of the first gateway that could not. */
  readonly problem: string | null;
}

export async function reachedStatus(db: Kysely<Database>, instance: InstanceKey): Promise<ReachedStatus> {
  const { rows } = await sql<ReachedStatus>`
    select coalesce(bool_and(coalesce(report.reached, false)) filter (where gateway.id is not null), true) as reached,
      min(gateway.name || ': ' || coalesce(report.problem, 'no connection')) filter (where not report.reached) as problem
    from upstream
      left join gateway on gateway.workspace_id = upstream.workspace_id
      left join reach_report report on report.gateway_id = gateway.id and report.instance = upstream.instance
        and report.table_version >= upstream.state_version
    where upstream.instance = ${instance}
    group by upstream.instance`.execute(db);
  return rows[0] ?? { reached: false, problem: null };
}

/** The gateway whose word is taken, and where it stands. */
export interface ReportingGateway {
  readonly gatewayId: GatewayId;
  readonly tenantId: TenantId;
  readonly workspaceId: WorkspaceId;
}

export interface DrainReport {
  readonly tableVersion: number;
  readonly rows: readonly { instance: InstanceKey; inFlight: number; longLived: number }[];
}

/** Stores what a gateway has in flight on draining instances of its own workspace; an older table's report is dropped. */
export async function recordDraining(
  tx: Transaction<Database>,
  { gatewayId, workspaceId }: ReportingGateway,
  { tableVersion, rows }: DrainReport,
): Promise<void> {
  const { numAffectedRows } = await sql`
    insert into drain_report (gateway_id, instance, tenant_id, table_version, in_flight, long_lived)
    select ${gatewayId}, upstream.instance, upstream.tenant_id, ${tableVersion}::bigint, told."inFlight", told."longLived"
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as told(instance text, "inFlight" int, "longLived" int)
      join upstream on upstream.instance = told.instance and upstream.workspace_id = ${workspaceId}
    on conflict (gateway_id, instance) do update
      set table_version = excluded.table_version, in_flight = excluded.in_flight, long_lived = excluded.long_lived
      where drain_report.table_version <= excluded.table_version
        and (drain_report.table_version, drain_report.in_flight, drain_report.long_lived)
          is distinct from (excluded.table_version, excluded.in_flight, excluded.long_lived)`.execute(tx);
  if (numAffectedRows) await notify(tx, TRAFFIC_CHANNEL, workspaceId);
}

export interface ReachReport {
  readonly tableVersion: number;
  readonly instance: InstanceKey;
  readonly reached: boolean;
  readonly problem: string | null;
}

export async function recordReached(
  tx: Transaction<Database>,
  { gatewayId, workspaceId }: ReportingGateway,
  report: ReachReport,
): Promise<void> {
  const { numAffectedRows } = await sql`
    insert into reach_report (gateway_id, instance, tenant_id, table_version, reached, problem)
    select ${gatewayId}, instance, tenant_id, ${report.tableVersion}::bigint, ${report.reached}, ${report.problem}
    from upstream where instance = ${report.instance} and workspace_id = ${workspaceId}
    on conflict (gateway_id, instance) do update
      set table_version = excluded.table_version, reached = excluded.reached, problem = excluded.problem
      where reach_report.table_version <= excluded.table_version`.execute(tx);
  if (numAffectedRows) await notify(tx, TRAFFIC_CHANNEL, workspaceId);
}
