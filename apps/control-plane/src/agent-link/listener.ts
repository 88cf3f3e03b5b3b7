import type { Outcome } from "@evenkeel/contracts/agent-protocol";
import type { ChangeId, CommandId, HostId } from "@evenkeel/contracts/id";

/** A command and the change that gave it. */
export interface SentCommand {
  readonly commandId: CommandId;
  readonly changeId: ChangeId;
}

/** Whoever gave the commands hears what became of them. Every call may come more than once, and on any replica. */
export interface AgentListener {
  started(commandId: CommandId): Promise<void>;
  /** Resolves after the commit that stores it; only then the agent is told that it may forget. */
  outcome(command: SentCommand, outcome: Outcome): Promise<void>;
  /** True: it had not started and never will. False: it had, and its outcome will come. */
  revoked(commandId: CommandId, revoked: boolean): Promise<void>;
  output(commandId: CommandId, text: string): Promise<void>;
  hostChanged(hostId: HostId, online: boolean): Promise<void>;
}
