import { AgentMessage } from "@evenkeel/contracts/agent-protocol";
import { expect, test } from "vitest";
import { readAgentMessage } from "./read-message.ts";

const sentAt = "2026-01-01T00:00:00.000Z";

test.each<unknown>([
  { kind: "heartbeat", sentAt },
  { kind: "heartbeat", sentAt: "2026-13-41T00:00:00.000Z" },
  { kind: "heartbeat", sentAt: "yesterday" },
  { kind: "heartbeat", sentAt: 7 },
  { kind: "heartbeat" },
  { kind: "heartbeat", sentAt, more: 1 },
  { kind: "heartbeat", sentAt, usage: [] },
  { kind: "started", sentAt },
  null,
  [],
])("%j is read as the protocol says", (message) => {
  const expected = AgentMessage.safeParse(message);
  const read = readAgentMessage(message);
  expect(read.data).toEqual(expected.data);
  expect(read.error === undefined).toBe(expected.error === undefined);
});
