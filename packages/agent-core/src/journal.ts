import type { Command, Fence, Letter, Outcome } from "@evenkeel/contracts/agent-protocol";
import type { ChangeId, CommandId, JournalId, RevisionId, ServiceId } from "@evenkeel/contracts/id";

// 1. When a writing call has returned, what it wrote survives a kill and a power cut; of several calls `together` all does, when that has returned, or nothing.
// 2. `sequence` rises with each write that the control plane may hear of; a number was never given twice by one journal.
// 3. A command id that was written is found until its change is forgotten, with the outcome it had.
// 4. The fence of a line and the epoch of the host never fall.

/** `received`: known, nothing done. `revoked` and `void` never start. */
export type CommandState = "received" | "started" | "ended" | "revoked" | "void";

/** When a command started, on a clock that no person sets: milliseconds since this boot of the machine. */
export interface StartedAt {
  readonly bootId: string;
  readonly uptimeMs: number;
}

/** What the journal knows of one command; `command` is null where only its revocation is known. */
export interface JournalEntry {
  readonly commandId: CommandId;
  readonly command: Command | null;
  readonly state: CommandState;
  readonly startedAt: StartedAt | null;
  readonly outcome: Outcome | null;
  readonly sequence: number;
  readonly acknowledged: boolean;
}

/** What shall run in one letter of a slot, whether or not a control plane is there. */
export interface Desired {
  readonly slot: ServiceId;
  readonly letter: Letter;
  readonly revisionId: RevisionId;
  readonly running: boolean;
  readonly port: number;
}

/** The agent's durable memory. */
export interface Journal {
  readonly journalId: JournalId;
  lastSequence(): number;
  /** One write of all that `work` writes: on a disk each takes milliseconds, however little it is. */
  together<Result>(work: () => Result): Result;
  find(commandId: CommandId): JournalEntry | null;
  /** Received, started, or ended and not acknowledged; in the order they came. */
  open(): JournalEntry[];
  /** Highest fence that the line of a command has seen, see `lineOf`; for null the highest epoch the host has seen. */
  highestFence(line: string | null): Fence;
  /** Stores the command as received and raises the fence to its own. */
  receive(command: Command): void;
  start(commandId: CommandId, at: StartedAt): void;
  /** Takes a start back that nothing has come of: the command is one that was received. */
  takeBack(commandId: CommandId): void;
  /** Stores how it ended; also for a command that was refused on arrival, whose fence raises nothing. */
  end(command: Command, outcome: Outcome): JournalEntry;
  /** Makes the command one that never starts; also one that has not arrived yet. */
  close(commandId: CommandId, state: "revoked" | "void"): void;
  acknowledge(commandIds: readonly CommandId[]): void;
  /** Forgets all commands of the change that are not in hand; answers which. */
  forget(changeId: ChangeId): CommandId[];
  raiseEpoch(epoch: number): void;
  listDesired(): Desired[];
  putDesired(desired: Desired): void;
  dispose(): void;
}

/** Revocations of commands that never arrived are kept up to this many. */
export const UNKNOWN_REVOCATIONS_KEPT = 10_000;
