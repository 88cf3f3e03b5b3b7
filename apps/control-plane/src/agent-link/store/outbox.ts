import type { Command } from "@evenkeel/contracts/agent-protocol";
import type { ChangeId, CommandId, HostId, TenantId } from "@evenkeel/contracts/id";
import { sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";
import type { CommandState } from "../tables.ts";
import type { Connection } from "./delivery.ts";

/** Payload: the host that has something new in the outbox. */
export const OUTBOX_CHANNEL = "agent_outbox";

export interface OutgoingCommand {
  readonly tenantId: TenantId;
  readonly hostId: HostId;
  readonly command: Command;
}

/** A connection that may take its commands at once. */
export type Taking = Pick<Connection, "connectionEpoch" | "replicaId">;

/**
 * Puts commands into the outbox. The same id twice is one command. Those of hosts whose newest connection is among `taking` are marked
 * as sent, and answered: their caller sends them after the commit. The others are delivered by whichever replica holds their host's connection.
 * A taking session's row is held until then, so that a newer connection sees everything that was marked for an older one;
 * one that moves just now is not waited for. Sessions are found by their host alone: found by their replica, of which there are few, each
 * command would look at all sessions.
 */
export async function enqueueCommands(
  tx: Transaction<Database>,
  rows: readonly OutgoingCommand[],
  taking: (hostId: HostId) => Taking | null = () => null,
): Promise<ReadonlySet<CommandId>> {
  if (rows.length === 0) return new Set();
  const made = rows.map(({ tenantId, hostId, command }) => {
    const { commandId: id, changeId } = command;
    return { id, tenantId, hostId, changeId, body: command, ...taking(hostId) };
  });
  const { rows: stored } = await sql<{ id: CommandId; state: CommandState }>`
    with made as materialized (
      select id, "tenantId", "hostId", "changeId", body, "connectionEpoch", "replicaId"
      from jsonb_to_recordset(${JSON.stringify(made)}::jsonb) as made(id text, "tenantId" text, "hostId" text,
        "changeId" text, body jsonb, "connectionEpoch" bigint, "replicaId" text)
    ), held as materialized (
      select s.host_id, s.connection_epoch, s.replica_id from host_session s
      where s.host_id in (select "hostId" from made where "replicaId" is not null) for share of s skip locked
    ), stored as (
      insert into command (id, tenant_id, host_id, change_id, body, state, sent_epoch)
      select made.id, made."tenantId", made."hostId", made."changeId", made.body,
        case when held.host_id is null then 'queued' else 'sent' end, held.connection_epoch
      from made left join held on held.host_id = made."hostId" and held.connection_epoch = made."connectionEpoch"
        and held.replica_id = made."replicaId"
        and held.replica_id in (select id from replica where lease_until > clock_timestamp())
      on conflict (id) do nothing returning id, host_id, state
    )
    select id, state, case when state = 'queued' then pg_notify(${OUTBOX_CHANNEL}, host_id) end from stored`.execute(
    tx,
  );
  return new Set(stored.filter(({ state }) => state === "sent").map(({ id }) => id));
}

/**
 * Calls commands back. Those that no agent has seen are revoked by this transaction: they are the answer, and the listener hears of them too.
 * The agents decide about the rest, and the listener hears what they say.
 */
export async function revokeCommands(tx: Transaction<Database>, ids: readonly CommandId[]): Promise<CommandId[]> {
  const { rows } = await sql<{ id: CommandId; host_id: HostId; state: string }>`
    with held as materialized (
      select id from command where id = any(${ids}) and state in ('queued', 'sent') order by sequence for update)
    update command set state = case state when 'queued' then 'revoked' else 'revoking' end, reported = state <> 'queued'
    from held where command.id = held.id
    returning command.id, command.host_id, command.state`.execute(tx);
  await wake(
    tx,
    rows.map((row) => row.host_id),
  );
  return rows.filter((row) => row.state === "revoked").map((row) => row.id);
}

/** The change is terminal: commands that were never sent go now, the others once their agents were told to forget them. */
export async function forgetChange(tx: Transaction<Database>, changeId: ChangeId): Promise<void> {
  await sql`delete from command where change_id = ${changeId} and sent_epoch is null`.execute(tx);
  const { rows } = await sql<{ host_id: HostId }>`
    with held as materialized (select id from command where change_id = ${changeId} order by sequence for update)
    update command set forgotten = true from held where command.id = held.id returning host_id`.execute(tx);
  await wake(
    tx,
    rows.map((row) => row.host_id),
  );
}

async function wake(tx: Transaction<Database>, hostIds: readonly HostId[]): Promise<void> {
  await sql`select count(pg_notify(${OUTBOX_CHANNEL}, id)) from unnest(${[...new Set(hostIds)]}::text[]) as id`.execute(
    tx,
  );
}
