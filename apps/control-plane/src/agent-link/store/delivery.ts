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
 * Marks what waits as sent and hands it out, where this is the host's newest connection and the replica's lease lives.
 * The session's row is held meanwhile, so that a newer connection sees everything that an older one has taken.
 */
export async function takeQueued(db: Kysely<Database>, connections: readonly Connection[]): Promise<Command[][]> {
  const waiting = await haveQueued(
    db,
    connections.map(({ hostId }) => hostId),
  );
  // Thousands of hosts that come back at once have nothing that waits.
  if (waiting.size === 0) return connections.map(() => []);
  const taking = connections.filter(({ hostId }) => waiting.has(hostId));
  const { rows } = await sql<{ hostId: HostId; body: Command; sequence: number }>`
    with asked as materialized (
      select "hostId", "connectionEpoch", "replicaId" from jsonb_to_recordset(${JSON.stringify(taking)}::jsonb)
        as asked("hostId" text, "connectionEpoch" bigint, "replicaId" text)
    ), held as materialized (
      select s.host_id, s.connection_epoch,
        s.connection_epoch = asked."connectionEpoch" and s.replica_id = asked."replicaId"
          and s.replica_id in (select id from replica where lease_until > clock_timestamp()) as mine
      from host_session s join asked on asked."hostId" = s.host_id order by s.host_id for share of s
    ), picked as materialized (
      select c.id, held.connection_epoch from command c join held on held.host_id = c.host_id and held.mine
      where c.state = 'queued' order by c.sequence for update of c
    )
    update command set state = 'sent', sent_epoch = picked.connection_epoch
    from picked where command.id = picked.id returning host_id as "hostId", command.body, command.sequence`.execute(db);
  rows.sort((one, other) => one.sequence - other.sequence);
  const of = Map.groupBy(rows, ({ hostId }) => hostId);
  // A connection that was asked for twice gets its commands once.
  return connections.map(({ hostId }) => {
    const mine = of.get(hostId) ?? [];
    of.delete(hostId);
    return mine.map(({ body }) => body);
  });
}

/** What is put into the outbox after this look is told by a notification of its own. */
async function haveQueued(db: Kysely<Database>, hostIds: readonly HostId[]): Promise<ReadonlySet<HostId>> {
  const rows = await db
    .selectFrom("command")
    .select("host_id as hostId")
    .where("host_id", "=", anyOf(hostIds))
    .where("state", "=", "queued")
    .execute();
  return new Set(rows.map(({ hostId }) => hostId));
}

export interface OutboxRow {
  readonly commandId: CommandId;
  readonly state: CommandState;
  readonly forgotten: boolean;
  readonly body: Command;
}

/** Everything of each of these hosts that was ever sent, in order. */
export async function readSent(db: Kysely<Database>, hostIds: readonly HostId[]): Promise<OutboxRow[][]> {
  const rows = await db
    .selectFrom("command")
    .select(["host_id as hostId", "id as commandId", "state", "forgotten", "body"])
    .where("host_id", "=", anyOf(hostIds))
    .where("sent_epoch", "is not", null)
    .orderBy("sequence")
    .execute();
  const of = Map.groupBy(rows, ({ hostId }) => hostId);
  return hostIds.map((hostId) => of.get(hostId) ?? []);
}

/** One parameter however many there are: the statement stays the same, and is prepared once. */
const anyOf = <Id extends string>(ids: readonly Id[]) => sql<Id>`any(${ids})`;

export interface Errands {
  readonly revoke: CommandId[];
  readonly forget: ChangeId[];
}

/** What the agent is to be told beside commands. A change is forgotten only after each of its commands has come to an end. */
export async function readErrands(db: Kysely<Database>, hostIds: readonly HostId[]): Promise<Errands[]> {
  const { rows } = await sql<{ hostId: HostId; changeId: ChangeId; revoke: CommandId[] | null; forget: boolean }>`
    select host_id as "hostId", change_id as "changeId",
      array_agg(id order by sequence) filter (where state = 'revoking') as revoke,
      bool_and(forgotten and state in ('ended', 'revoked')) as forget
    from command where host_id = any(${hostIds}) group by host_id, change_id
    having bool_or(state = 'revoking') or bool_and(forgotten and state in ('ended', 'revoked'))`.execute(db);
  const of = Map.groupBy(rows, ({ hostId }) => hostId);
  return hostIds.map((hostId) => {
    const mine = of.get(hostId) ?? [];
    const forget = mine.flatMap((row) => (row.forget ? [row.changeId] : []));
    return { revoke: mine.flatMap(({ revoke }) => revoke ?? []), forget };
  });
}

/** What the agent of a host was told to forget. */
export interface Forgotten {
  readonly hostId: HostId;
  readonly changeIds: readonly ChangeId[];
}

/** The agents have read that they may forget them. */
export async function deleteForgotten(db: Kysely<Database>, forgotten: readonly Forgotten[]): Promise<void> {
  const pairs = forgotten.flatMap(({ hostId, changeIds }) => changeIds.map((changeId) => ({ hostId, changeId })));
  await sql`with held as materialized (
      select c.id from command c where c.host_id = any(${forgotten.map(({ hostId }) => hostId)})
        and c.forgotten and c.state in ('ended', 'revoked') and (c.host_id, c.change_id) in (
          select "hostId", "changeId" from jsonb_to_recordset(${JSON.stringify(pairs)}::jsonb)
            as gone("hostId" text, "changeId" text))
      order by c.sequence for update of c
    )
    delete from command using held where command.id = held.id`.execute(db);
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
 * The outcomes of commands are stored; and how far the journals of their hosts have come, for telling an older copy of one.
 * True: its change is over, and the agent may be told to forget it.
 */
export async function recordEnds(db: Kysely<Database>, ends: readonly End[]): Promise<boolean[]> {
  const { rows } = await sql<{ id: CommandId }>`with ends as materialized (
      select "hostId", "commandId", "journalId", sequence from jsonb_to_recordset(${JSON.stringify(ends)}::jsonb)
        as ends("hostId" text, "commandId" text, "journalId" text, sequence bigint)
    ), held as materialized (
      select c.id from command c join ends on c.id = ends."commandId" and c.host_id = ends."hostId"
      where c.state <> 'ended' order by c.sequence for update of c
    ), ended as (
      update command set state = 'ended' from held where command.id = held.id returning command.id, forgotten
    ), reached as materialized (
      select "hostId", "journalId", max(sequence) as sequence from ends group by "hostId", "journalId"
    ), later as materialized (
      select host.id, reached.sequence from host join reached on host.id = reached."hostId"
        and host.journal_id = reached."journalId" and host.journal_sequence < reached.sequence
      order by host.id for update of host
    ), moved as (
      update host set journal_sequence = later.sequence from later where host.id = later.id
    )
    select id from ended where forgotten`.execute(db);
  const forgotten = new Set(rows.map(({ id }) => id));
  return ends.map(({ commandId }) => forgotten.has(commandId));
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
