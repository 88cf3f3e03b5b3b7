import type { Command } from "@evenkeel/contracts/agent-protocol";
import type { ChangeId, CommandId, HostId, TenantId } from "@evenkeel/contracts/id";
import type { Generated } from "kysely";

/** The outbox. `sent` is written before the message leaves, so that `queued` means: no agent has ever seen it. */
interface CommandTable {
  id: CommandId;
  sequence: Generated<number>;
  tenant_id: TenantId;
  host_id: HostId;
  change_id: ChangeId;
  body: Command;
  state: Generated<CommandState>;
  sent_epoch: number | null;
  /** Its change is terminal: the row goes as soon as the agent was told to forget. */
  forgotten: Generated<boolean>;
  /** False: revoked, and the listener has not heard of it yet. */
  reported: Generated<boolean>;
  created_at: Generated<string>;
}

export type CommandState = "queued" | "sent" | "revoking" | "revoked" | "ended";

export interface AgentLinkTables {
  command: CommandTable;
}
