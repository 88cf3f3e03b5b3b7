import type { Problem } from "@evenkeel/contracts/error";
import type { HostFacts } from "@evenkeel/contracts/host";
import type { HostId, ReplicaId, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import { notify } from "@evenkeel/kit/notify";
import { inTransaction, json } from "@evenkeel/kit/sql";
import { type Kysely, sql } from "kysely";
import { hasSpoken } from "../../backup/index.ts";
import type { Database } from "../../database.ts";
import type { Connection } from "./delivery.ts";

/** Payload: `{hostId, connectionEpoch}`; every older connection of that host is over. */
export const SESSION_CHANNEL = "agent_session";

/** A host as it is known when an agent says hello. */
export interface KnownHost {
  readonly hostId: HostId;
  readonly tenantId: TenantId;
  readonly workspaceId: WorkspaceId;
  readonly name: string;
  readonly journalId: string | null;
  readonly journalSequence: number;
  readonly setAside: "journal-lost" | "duplicate" | null;
  readonly setAsideProblem: Problem | null;
  readonly connectionEpoch: number;
  /** The replica that holds its connection, if it lives. */
  readonly replicaId: ReplicaId | null;
  readonly epoch: number;
}

export async function readHosts(db: Kysely<Database>, hostIds: readonly HostId[]): Promise<(KnownHost | null)[]> {
  const { rows } = await sql<KnownHost>`
    select host.id as "hostId", host.tenant_id as "tenantId", host.workspace_id as "workspaceId", host.name,
      journal_id as "journalId", journal_sequence as "journalSequence", set_aside as "setAside",
      set_aside_problem as "setAsideProblem", host.connection_epoch as "connectionEpoch", replica.id as "replicaId",
      installation.epoch
    from host cross join installation
      left join host_session s on s.host_id = host.id
      left join replica on replica.id = s.replica_id and replica.lease_until > clock_timestamp()
    where host.id = any(${hostIds})`.execute(db);
  const of = new Map(rows.map((row) => [row.hostId, row]));
  return hostIds.map((hostId) => of.get(hostId) ?? null);
}

/** The newest connection of each of these hosts that exists still. */
export async function readEpochs(db: Kysely<Database>, hostIds: readonly HostId[]): Promise<Map<HostId, number>> {
  const { rows } = await sql<{ id: HostId; epoch: number }>`
    select id, connection_epoch as epoch from host where id = any(${hostIds})`.execute(db);
  return new Map(rows.map((row) => [row.id, row.epoch]));
}

export interface Arrival {
  readonly host: KnownHost;
  readonly replicaId: ReplicaId;
  readonly journalId: string;
  readonly lastSequence: number;
  readonly bootId: string;
  readonly agentVersion: string;
  readonly address: string;
}

/**
 * Makes each the newest connection of its host; null where another came first, or the replica's lease is over.
 * What is compared stands in the answer of `held`, not in a condition: by its guess how many rows a condition leaves the planner would
 * compare every arrival with every host.
 */
export async function takeSessions(db: Kysely<Database>, arrivals: readonly Arrival[]): Promise<(Connection | null)[]> {
  // Of two of the same host the second reads again.
  const first = new Map([...arrivals].reverse().map((arrival) => [arrival.host.hostId, arrival]));
  const told = [...first.values()].map(({ host: { hostId, connectionEpoch }, ...arrival }) => {
    const { replicaId, journalId, lastSequence, bootId, agentVersion, address } = arrival;
    return { hostId, connectionEpoch, replicaId, journalId, lastSequence, bootId, agentVersion, address };
  });
  const { rows } = await sql<{ hostId: HostId; epoch: number }>`
    with arrived as materialized (
      select "hostId", "replicaId", "connectionEpoch", "journalId", "lastSequence", "bootId", "agentVersion", address
      from jsonb_to_recordset(${JSON.stringify(told)}::jsonb) as arrived("hostId" text, "replicaId" text,
        "connectionEpoch" bigint, "journalId" text, "lastSequence" bigint, "bootId" text, "agentVersion" text, address text)
    ), held as materialized (
      select host.id, host.connection_epoch = arrived."connectionEpoch" and host.set_aside is null as free, arrived."replicaId",
        arrived."journalId", arrived."lastSequence", arrived."bootId", arrived."agentVersion", arrived.address
      from host join arrived on arrived."hostId" = host.id order by host.id for update of host
    ), taken as (
      update host set connection_epoch = connection_epoch + 1, journal_id = held."journalId",
        journal_sequence = held."lastSequence", boot_id = held."bootId", agent_version = held."agentVersion",
        address = held.address, version = version + (host.address <> held.address)::int
      from held where host.id = held.id and held.free
        and exists (select from replica where id = held."replicaId" and lease_until > clock_timestamp())
      returning host.id, host.tenant_id, connection_epoch, held."replicaId"
    ), kept as (
      insert into host_session (host_id, tenant_id, connection_epoch, replica_id)
      select id, tenant_id, connection_epoch, "replicaId" from taken
      on conflict (host_id) do update set connection_epoch = excluded.connection_epoch,
        replica_id = excluded.replica_id, connected_at = excluded.connected_at
    )
    select id as "hostId", connection_epoch as epoch, pg_notify(${SESSION_CHANNEL},
      json_build_object('hostId', id, 'connectionEpoch', connection_epoch)::text) from taken`.execute(db);
  const epochs = new Map(rows.map(({ hostId, epoch }) => [hostId, epoch]));
  return arrivals.map((arrival) => {
    const { hostId } = arrival.host;
    const connectionEpoch = first.get(hostId) === arrival ? epochs.get(hostId) : undefined;
    return connectionEpoch === undefined ? null : { hostId, connectionEpoch, replicaId: arrival.replicaId };
  });
}

/** Ends a session; false when a newer connection has taken over. */
export async function endSession(db: Kysely<Database>, connection: Connection): Promise<boolean> {
  const { rows } = await sql`
    with gone as (delete from host_session where host_id = ${connection.hostId}
      and connection_epoch = ${connection.connectionEpoch} and replica_id = ${connection.replicaId} returning host_id)
    update host set offline_at = clock_timestamp() from gone where host.id = gone.host_id returning host.id`.execute(
    db,
  );
  return rows.length > 0;
}

/** Removes the sessions of replicas that are dead; the hosts that were online by them. */
export async function sweepSessions(db: Kysely<Database>): Promise<HostId[]> {
  const { rows } = await sql<{ id: HostId }>`
    with gone as (delete from host_session s
      where not exists (select from replica r where r.id = s.replica_id and r.lease_until > clock_timestamp())
      returning s.host_id)
    update host set offline_at = clock_timestamp() from gone where host.id = gone.host_id returning host.id`.execute(
    db,
  );
  return rows.map((row) => row.id);
}

/** Takes a host out of use until a person admits it again; its connections everywhere are over. */
export async function setAside(
  db: Kysely<Database>,
  hostId: HostId,
  { state, problem }: { state: "journal-lost" | "duplicate"; problem: Problem },
): Promise<void> {
  await inTransaction(db, async (tx) => {
    const { rows } = await sql<{ epoch: number }>`
      update host set set_aside = ${state}, set_aside_at = clock_timestamp(), set_aside_problem = ${json(problem)},
        connection_epoch = connection_epoch + 1
      where id = ${hostId} and set_aside is null returning connection_epoch as epoch`.execute(tx);
    if (rows[0] === undefined) return;
    await tx.deleteFrom("host_session").where("host_id", "=", hostId).execute();
    await notify(tx, SESSION_CHANNEL, JSON.stringify({ hostId, connectionEpoch: rows[0].epoch }));
  });
}

/** Which of these hosts have an agent connected now, and have said what runs there: after a restore it may be otherwise than known. */
export async function onlineHosts(db: Kysely<Database>, hostIds: readonly HostId[]): Promise<Set<HostId>> {
  const { rows } = await sql<{ id: HostId }>`
    select s.host_id as id from host_session s join replica r on r.id = s.replica_id
    where s.host_id = any(${hostIds}) and r.lease_until > clock_timestamp()
      and ${hasSpoken("s.host_id")}`.execute(db);
  return new Set(rows.map((row) => row.id));
}

export interface HostWhereabouts {
  readonly hostId: HostId;
  readonly name: string;
  readonly replicaId: ReplicaId;
  readonly replicaUrl: string;
}

/** Where the connections of these hosts are held; those that have none are left out. */
export async function whereabouts(db: Kysely<Database>, hostIds: readonly HostId[]): Promise<HostWhereabouts[]> {
  const { rows } = await sql<HostWhereabouts>`
    select s.host_id as "hostId", host.name, r.id as "replicaId", r.url as "replicaUrl"
    from host_session s join replica r on r.id = s.replica_id join host on host.id = s.host_id
    where s.host_id = any(${hostIds}) and r.lease_until > clock_timestamp() order by host.name`.execute(db);
  return rows;
}

export interface Telemetry {
  readonly hostId: HostId;
  readonly facts: HostFacts | null;
  readonly clockSkewMs: number | null;
}

export async function recordTelemetry(db: Kysely<Database>, told: Telemetry): Promise<void> {
  await sql`update host set facts = coalesce(${told.facts === null ? null : json(told.facts)}, facts),
      facts_at = clock_timestamp(), clock_skew_ms = ${told.clockSkewMs}
    where id = ${told.hostId}`.execute(db);
}

/** Tells every replica that all connections of this host are over. */
export async function closeConnections(tx: Kysely<Database>, hostId: HostId): Promise<void> {
  await notify(tx, SESSION_CHANNEL, JSON.stringify({ hostId, connectionEpoch: Number.MAX_SAFE_INTEGER }));
}
