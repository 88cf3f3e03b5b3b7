import type { Command } from "@evenkeel/contracts/agent-protocol";
import type { ChangeId, CommandId, HostId, TenantId } from "@evenkeel/contracts/id";
import { notify } from "@evenkeel/kit/notify";
import { json } from "@evenkeel/kit/sql";
import { sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";

/** Payload: the host that has something new in the outbox. */
export const OUTBOX_CHANNEL = "agent_outbox";

export interface OutgoingCommand {
  readonly tenantId: TenantId;
  readonly hostId: HostId;
  readonly command: Command;
}

/** Puts commands into the outbox; whichever replica holds the host's connection delivers them after the commit. The same id twice is one command. */
export async function enqueueCommands(tx: Transaction<Database>, rows: readonly OutgoingCommand[]): Promise<void> {
  if (rows.length === 0) return;
  await tx
    .insertInto("command")
    .values(
      rows.map(({ tenantId, hostId, command }) => ({
        id: command.commandId,
        tenant_id: tenantId,
        host_id: hostId,
        change_id: command.changeId,
        body: json(command),
      })),
    )
    .onConflict((conflict) => conflict.column("id").doNothing())
    .execute();
  await wake(
    tx,
    rows.map((row) => row.hostId),
  );
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
  for (const hostId of new Set(hostIds)) await notify(tx, OUTBOX_CHANNEL, hostId);
}
