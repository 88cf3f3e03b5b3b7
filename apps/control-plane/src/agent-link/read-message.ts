import { AgentMessage } from "@evenkeel/contracts/agent-protocol";
import type { ReadMessage } from "../link/index.ts";

// As every agent of ours writes it: ISO 8601 in UTC, to the millisecond.
const SENT_AT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Reads what an agent says. A beat without facts is most of what is said, by thousands of hosts: it is told by two fields. */
export const readAgentMessage: ReadMessage<AgentMessage> = (value) => {
  if (isBareBeat(value)) return { data: { kind: "heartbeat", sentAt: value.sentAt } };
  return AgentMessage.safeParse(value);
};

function isBareBeat(value: unknown): value is { readonly sentAt: string } {
  if (typeof value !== "object" || value === null || !("kind" in value) || value.kind !== "heartbeat") return false;
  const sentAt = "sentAt" in value ? value.sentAt : null;
  const bare = Object.keys(value).length === 2;
  return bare && typeof sentAt === "string" && SENT_AT.test(sentAt) && !Number.isNaN(Date.parse(sentAt));
}
