import type { AgentMessage, AgentOrder, Command } from "@evenkeel/contracts/agent-protocol";
import type { CommandId } from "@evenkeel/contracts/id";
import type { OutboxRow } from "./store/index.ts";

type Open = Extract<AgentMessage, { kind: "hello" }>["open"];
type Welcome = Extract<AgentOrder, { kind: "welcome" }>;

/** What follows from comparing the outbox with what an agent has in hand. */
export interface Comparison {
  readonly resume: CommandId[];
  readonly void: CommandId[];
  readonly acknowledged: CommandId[];
  /** Sent, but they never arrived. */
  readonly resend: Command[];
  /** Started while nobody heard it. */
  readonly started: CommandId[];
  /** They never start now. */
  readonly revoked: CommandId[];
  /** Of a change that is over, and the agent knows nothing of them. */
  readonly ended: CommandId[];
}

export type WelcomeLists = Pick<Welcome, "resume" | "void" | "acknowledged">;

/** Compares everything that was sent to a host with what its agent knows. Only what the outbox says is sent may start. */
export function compareOutbox(rows: readonly OutboxRow[], open: Open): Comparison {
  const result: Comparison = {
    resume: [],
    void: [],
    acknowledged: [],
    resend: [],
    started: [],
    revoked: [],
    ended: [],
  };
  const known = new Map(open.map(({ commandId, state }) => [commandId, state]));
  for (const row of rows) placeRow(result, row, known.get(row.commandId));
  const sent = new Set(rows.map((row) => row.commandId));
  for (const { commandId } of open) if (!sent.has(commandId)) result.void.push(commandId);
  return result;
}

function placeRow(result: Comparison, row: OutboxRow, atAgent: Open[number]["state"] | undefined): void {
  const { commandId } = row;
  if (row.state === "ended") {
    placeEnded(result, row, atAgent);
    return;
  }
  if (row.state === "revoked") {
    if (atAgent !== undefined) result.void.push(commandId);
    return;
  }
  if (atAgent === "started") result.started.push(commandId);
  if (row.state === "revoking") {
    // What has arrived is asked for again by a revoke, and the agent answers what became of it.
    if (atAgent === undefined) result.revoked.push(commandId);
    return;
  }
  placeSent(result, row, atAgent);
}

function placeEnded(result: Comparison, { commandId }: OutboxRow, atAgent: Open[number]["state"] | undefined): void {
  if (atAgent === "ended") result.acknowledged.push(commandId);
  if (atAgent === "received" || atAgent === "started") result.void.push(commandId);
}

function placeSent(result: Comparison, row: OutboxRow, atAgent: Open[number]["state"] | undefined): void {
  const { commandId, forgotten } = row;
  if (!forgotten) {
    if (atAgent === undefined) result.resend.push(row.body);
    else result.resume.push(commandId);
    return;
  }
  if (atAgent === undefined) result.ended.push(commandId);
  if (atAgent !== "received") return;
  result.void.push(commandId);
  result.revoked.push(commandId);
}
