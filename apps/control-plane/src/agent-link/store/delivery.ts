import type { Command } from "@evenkeel/contracts/agent-protocol";
import type { ChangeId, CommandId, HostId, ReplicaId } from "@evenkeel/contracts/id";
import { type Kysely, sql } from "kysely";
import type { Database } from "../../database.ts";
import type { SentCommand } from "../listener.ts";
import type { CommandState } from "../tables.ts";

/** A connection of a host, as the database knows it. */
export interface Connection {
  readonly hostId: HostId;
  readonly connectionEpoch: number;
  readonly replicaId: ReplicaId;
}

/**
 * Marks what waits as sent and hands it out, if this is the host's newest connection and the replica's lease lives.
 * The session's row is held meanwhile, so that a newer connection sees everything that an older one has taken.
 */
export async function takeQueued(db: Kysely<Database>, connection: Connection): Promise<Command[]> {
  const { hostId, connectionEpoch, replicaId } = connection;
  const { rows } = await sql<{ body: Command; sequence: number }>`
    with held as materialized (
      select s.host_id from host_session s join replica r on r.id = s.replica_id
      where s.host_id = ${hostId} and s.connection_epoch = ${connectionEpoch} and s.replica_id = ${replicaId}
        and r.lease_until > clock_timestamp()
      for share of s
    ), picked as materialized (
      select c.id from command c join held on held.host_id = c.host_id
      where c.state = 'queued' order by c.sequence for update of c
    )
    update command set state = 'sent', sent_epoch = ${connectionEpoch}
    from picked where command.id = picked.id returning command.body, command.sequence`.execute(db);
  return rows.sort((one, other) => one.sequence - other.sequence).map((row) => row.body);
}

export interface OutboxRow {
  readonly commandId: CommandId;
  readonly state: CommandState;
  readonly forgotten: boolean;
  readonly body: Command;
}

/** Everything of a host that was ever sent, in order. */
export async function readSent(db: Kysely<Database>, hostId: HostId): Promise<OutboxRow[]> {
  return await db
    .selectFrom("command")
    .select(["id as commandId", "state", "forgotten", "body"])
    .where("host_id", "=", hostId)
    .where("sent_epoch", "is not", null)
    .orderBy("sequence")
    .execute();
}

export interface Errands {
  readonly revoke: CommandId[];
  readonly forget: ChangeId[];
}

/** What the agent is to be told beside commands. A change is forgotten only after each of its commands has come to an end. */
export async function readErrands(db: Kysely<Database>, hostId: HostId): Promise<Errands> {
  const { rows } = await sql<{ revoke: CommandId[] | null; forget: ChangeId[] | null }>`
    select array_agg(id order by sequence) filter (where state = 'revoking') as revoke,
      (select array_agg(change_id) from (select change_id from command where host_id = ${hostId}
        group by change_id having bool_and(forgotten and state in ('ended', 'revoked'))) as done) as forget
    from command where host_id = ${hostId}`.execute(db);
  return { revoke: rows[0]?.revoke ?? [], forget: rows[0]?.forget ?? [] };
}

/** The agent has read that it may forget them. */
export async function deleteForgotten(
  db: Kysely<Database>,
  hostId: HostId,
  changeIds: readonly ChangeId[],
): Promise<void> {
  await db
    .deleteFrom("command")
    .where("host_id", "=", hostId)
    .where("change_id", "in", changeIds)
    .where("forgotten", "=", true)
    .where("state", "in", ["ended", "revoked"])
    .execute();
}

/** Null = this host has no such command. */
export async function findCommand(
  db: Kysely<Database>,
  hostId: HostId,
  commandId: CommandId,
): Promise<{ readonly changeId: ChangeId; readonly state: CommandState } | null> {
  const row = await db
    .selectFrom("command")
    .select(["change_id as changeId", "state"])
    .where("id", "=", commandId)
    .where("host_id", "=", hostId)
    .executeTakeFirst();
  return row ?? null;
}

export async function markEnded(db: Kysely<Database>, commandIds: readonly CommandId[]): Promise<void> {
  if (commandIds.length === 0) return;
  await db.updateTable("command").set({ state: "ended" }).where("id", "in", commandIds).execute();
}

export interface End {
  readonly hostId: HostId;
  readonly commandId: CommandId;
  readonly journalId: string;
  readonly sequence: number;
}

/**
 * The outcome of a command is stored; and how far the journal of its host has come, for telling an older copy of it.
 * True: its change is over, and the agent may be told to forget it.
 */
export async function recordEnd(
  db: Kysely<Database>,
  { hostId, commandId, journalId, sequence }: End,
): Promise<boolean> {
  const { rows } = await sql<{ forgotten: boolean | null }>`with ended as (
      update command set state = 'ended' where id = ${commandId} and host_id = ${hostId} and state <> 'ended'
      returning forgotten
    ), moved as (
      update host set journal_sequence = ${sequence}
      where id = ${hostId} and journal_id = ${journalId} and journal_sequence < ${sequence}
    )
    select bool_or(forgotten) as forgotten from ended`.execute(db);
  return rows[0]?.forgotten === true;
}

export async function settleRevocation(
  db: Kysely<Database>,
  commandId: CommandId,
  state: "revoked" | "sent",
): Promise<void> {
  await db.updateTable("command").set({ state }).where("id", "=", commandId).where("state", "=", "revoking").execute();
}

/** Revoked before any agent saw them, and the listener does not know yet. */
export async function readUnreported(db: Kysely<Database>): Promise<CommandId[]> {
  const rows = await db.selectFrom("command").select("id").where("reported", "=", false).execute();
  return rows.map((row) => row.id);
}

export async function markReported(db: Kysely<Database>, commandIds: readonly CommandId[]): Promise<void> {
  await db.updateTable("command").set({ reported: true }).where("id", "in", commandIds).execute();
}

/** Commands of a host whose end nobody knows. */
export async function readOpen(db: Kysely<Database>, hostId: HostId): Promise<SentCommand[]> {
  return await db
    .selectFrom("command")
    .select(["id as commandId", "change_id as changeId"])
    .where("host_id", "=", hostId)
    .where("state", "in", ["sent", "revoking"])
    .orderBy("sequence")
    .execute();
}
