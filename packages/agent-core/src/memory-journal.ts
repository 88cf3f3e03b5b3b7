import { compareFences, type Fence, lineOf } from "@evenkeel/contracts/agent-protocol";
import { type CommandId, JournalId, newId } from "@evenkeel/contracts/id";
import type { Desired, Journal, JournalEntry } from "./journal.ts";

const NO_FENCE: Fence = { epoch: 0, token: 0 };

/** The journal without a disk, for agents in tests; it outlives the agent that wrote it. */
export function createMemoryJournal(): Journal {
  const entries = new Map<CommandId, JournalEntry>();
  const fences = new Map<string, Fence>();
  const desired = new Map<string, Desired>();
  let sequence = 0;
  let epoch = 0;

  const put = (entry: JournalEntry): JournalEntry => {
    sequence += 1;
    const stored = { ...structuredClone(entry), sequence };
    entries.set(entry.commandId, stored);
    return stored;
  };
  const change = (commandId: CommandId, fields: Partial<JournalEntry>): void => {
    const known = entries.get(commandId);
    if (known !== undefined) put({ ...known, ...fields });
  };

  return {
    journalId: newId(JournalId, "jrn"),
    lastSequence: () => sequence,
    together: (work) => work(),
    find: (commandId) => entries.get(commandId) ?? null,
    open: () => [...entries.values()].filter(isOpen),
    highestFence: (line) => (line === null ? { epoch, token: 0 } : (fences.get(line) ?? NO_FENCE)),
    receive(command) {
      epoch = Math.max(epoch, command.fence.epoch);
      const line = lineOf(command);
      const highest = fences.get(line ?? "") ?? NO_FENCE;
      if (line !== null && compareFences(command.fence, highest) > 0) fences.set(line, command.fence);
      put(blank(command.commandId, { command, state: "received" }));
    },
    start: (commandId, startedAt) => change(commandId, { state: "started", startedAt }),
    takeBack: (commandId) => change(commandId, { state: "received", startedAt: null }),
    end(command, outcome) {
      const known = entries.get(command.commandId) ?? blank(command.commandId, { command });
      return put({ ...known, state: "ended", outcome });
    },
    close(commandId, state) {
      put({ ...(entries.get(commandId) ?? blank(commandId, {})), state });
    },
    acknowledge(commandIds) {
      for (const commandId of commandIds) change(commandId, { acknowledged: true });
    },
    forget(changeId) {
      const gone = [...entries.values()].filter((entry) => entry.command?.changeId === changeId && !inHand(entry));
      for (const entry of gone) entries.delete(entry.commandId);
      return gone.map((entry) => entry.commandId);
    },
    raiseEpoch(to) {
      epoch = Math.max(epoch, to);
    },
    listDesired: () => [...desired.values()],
    putDesired(one) {
      sequence += 1;
      desired.set(`${one.slot} ${one.letter}`, one);
    },
    dispose: () => undefined,
  };
}

function blank(commandId: CommandId, fields: Partial<JournalEntry>): JournalEntry {
  const nothing = { command: null, startedAt: null, outcome: null, sequence: 0, acknowledged: false } as const;
  return { commandId, state: "received", ...nothing, ...fields };
}

function inHand(entry: JournalEntry): boolean {
  return entry.state === "received" || entry.state === "started";
}

function isOpen(entry: JournalEntry): boolean {
  return inHand(entry) || (entry.state === "ended" && !entry.acknowledged);
}
