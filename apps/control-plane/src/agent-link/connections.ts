import type { Command } from "@evenkeel/contracts/agent-protocol";
import type { HostId } from "@evenkeel/contracts/id";
import type { Transaction } from "kysely";
import type { Database } from "../database.ts";
import type { AgentConnection } from "./connection.ts";
import { enqueueCommands, forgetChange, type OutgoingCommand, onlineHosts, revokeCommands } from "./store/index.ts";

/** The agents that are connected to this process, by host. */
export type AgentConnections = Map<HostId, AgentConnection>;

/** The way to all agents. Commands to those that are connected here leave right after the commit, by no detour over the database. */
export function commandPort(connections: AgentConnections) {
  const enqueue = async (tx: Transaction<Database>, rows: readonly OutgoingCommand[]) => {
    const held: AgentConnections = new Map();
    for (const { hostId } of rows) {
      const connection = connections.get(hostId);
      if (connection?.ready) held.set(hostId, connection);
    }
    const sent = await enqueueCommands(tx, rows, (hostId) => held.get(hostId)?.connection ?? null);
    return deliveryOf(
      held,
      rows.filter(({ command }) => sent.has(command.commandId)),
    );
  };
  return { enqueue, revoke: revokeCommands, forget: forgetChange, online: onlineHosts };
}

function deliveryOf(held: AgentConnections, marked: readonly OutgoingCommand[]) {
  const each = (run: (connection: AgentConnection, command: Command) => void) => (): void => {
    for (const { hostId, command } of marked) {
      const connection = held.get(hostId);
      if (connection !== undefined) run(connection, command);
    }
  };
  return {
    send: each((connection, command) => connection.deliver(command)),
    doubt: each(({ link }) => link.terminate()),
  };
}
