import type { Command, Outcome } from "@evenkeel/contracts/agent-protocol";
import type { CommandId } from "@evenkeel/contracts/id";
import { type AtExitPoint, isStopped } from "./exit-point.ts";
import type { Journal, JournalEntry, StartedAt } from "./journal.ts";
import { type FailedOutcome, failedWith, problemFrom } from "./outcome.ts";

// 1. Commands of one slot run one after another, in the order they were admitted; those without a slot run side by side, few at a time.
// 2. `started` is in the journal before anything is done, the outcome before anybody hears of it.
// 3. After `hold` nothing starts that had not started; what waits is in the journal and comes back by `admit` only.
// 4. A command that an earlier agent had started is taken up once, with the time that has passed since then counted.
// 5. Whatever a command does, the line behind it goes on.

/** Commands without a slot that run at the same time. */
const FREE_AT_ONCE = 4;
const FREE = "";
/** Live output that one command may send, in characters; its outcome has head and tail. */
const LIVE_OUTPUT_LIMIT = 65_536;
const JOURNAL_RETRY_MS = 1000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What a command may know of its own run. */
export interface RunContext {
  /** An earlier agent started it: look first what came of that. */
  readonly resumed: boolean;
  readonly elapsedMs: number;
  /** Aborted at the deadline. */
  readonly signal: AbortSignal;
  output(text: string): void;
}

/** Does the work of one command; must honour the signal. */
export type RunCommand = (command: Command, context: RunContext) => Promise<Outcome>;

/** Milliseconds since boot; no person sets it. */
export interface HostClock {
  readonly bootId: string;
  uptimeMs(): number;
}

/** What a slot needs, and whom it tells. */
export interface SlotDeps {
  readonly journal: Journal;
  readonly run: RunCommand;
  readonly at: AtExitPoint;
  readonly clock: HostClock;
  /** False once the link has been silent for too long, a frozen agent's included: nothing new may start. */
  mayStart(): boolean;
  onStarted(commandId: CommandId): void;
  onOutput(commandId: CommandId, text: string): void;
  onEnded(entry: JournalEntry): void;
  warn(text: string): void;
}

interface Line {
  running: number;
  readonly capacity: number;
  waiting: Command[];
}

/** The lines of commands, one per slot. */
export class Slots {
  readonly #deps: SlotDeps;
  readonly #lines = new Map<string, Line>();

  constructor(deps: SlotDeps) {
    this.#deps = deps;
  }

  /** Lets a received command start as soon as its slot is free. */
  admit(command: Command): void {
    const line = this.#lineOf(command);
    if (line.waiting.some(({ commandId }) => commandId === command.commandId)) return;
    line.waiting.push(command);
    this.#advance(command.slot ?? FREE, line);
  }

  /** Takes up a command that an earlier agent had started. */
  takeUp(command: Command, startedAt: StartedAt): void {
    const line = this.#lineOf(command);
    line.running += 1;
    void this.#work(command, startedAt).finally(() => this.#leave(command, line));
  }

  /** Keeps back everything that has not started. */
  hold(): void {
    for (const line of this.#lines.values()) line.waiting = [];
  }

  /** Commands that wait for their turn. */
  get waiting(): number {
    return [...this.#lines.values()].reduce((sum, line) => sum + line.waiting.length, 0);
  }

  /** Takes a waiting command out of its line. */
  drop(commandId: CommandId): void {
    for (const line of this.#lines.values())
      line.waiting = line.waiting.filter((command) => command.commandId !== commandId);
  }

  #lineOf({ slot }: Command): Line {
    const key = slot ?? FREE;
    const line = this.#lines.get(key) ?? { running: 0, capacity: key === FREE ? FREE_AT_ONCE : 1, waiting: [] };
    this.#lines.set(key, line);
    return line;
  }

  #advance(key: string, line: Line): void {
    if (!this.#deps.mayStart()) line.waiting = [];
    while (line.running < line.capacity) {
      const command = line.waiting.shift();
      if (command === undefined) break;
      line.running += 1;
      void this.#work(command, null).finally(() => this.#leave(command, line));
    }
    if (line.running === 0 && line.waiting.length === 0) this.#lines.delete(key);
  }

  #leave(command: Command, line: Line): void {
    line.running -= 1;
    this.#advance(command.slot ?? FREE, line);
  }

  async #work(command: Command, earlier: StartedAt | null): Promise<void> {
    try {
      const { at } = this.#deps;
      const startedAt = earlier ?? this.#start(command);
      // killed here: the next agent takes it up, and asks its record what came of it
      const outcome = "kind" in startedAt ? startedAt : await this.#run(command, startedAt, earlier !== null);
      at("after-effect");
      at("before-outcome-journal");
      const entry = await this.#end(command, outcome);
      // killed here: the outcome is in the journal, and is reported after the next welcome
      at("before-report");
      this.#deps.onEnded(entry);
      at("after-report");
    } catch (error) {
      if (!isStopped(error)) this.#deps.warn(`${command.type} ${command.commandId}: ${problemFrom(error).title}`);
    }
  }

  #start({ commandId }: Command): StartedAt | FailedOutcome {
    const { journal, clock, at } = this.#deps;
    const startedAt = { bootId: clock.bootId, uptimeMs: clock.uptimeMs() };
    at("before-start-journal");
    try {
      journal.start(commandId, startedAt);
    } catch (error) {
      if (isStopped(error)) throw error;
      return failedWith(error, 0);
    }
    at("after-start-journal");
    this.#deps.onStarted(commandId);
    return startedAt;
  }

  async #run(command: Command, startedAt: StartedAt, resumed: boolean): Promise<Outcome> {
    const { clock, run } = this.#deps;
    const elapsedMs = startedAt.bootId === clock.bootId ? clock.uptimeMs() - startedAt.uptimeMs : 0;
    const abort = new AbortController();
    const leftMs = Math.max(0, Math.min(command.deadlineMs - elapsedMs, LONGEST_TIMER_MS));
    const timer = setTimeout(() => abort.abort(), leftMs);
    const output = this.#outputOf(command.commandId);
    try {
      return await run(command, { resumed, elapsedMs, signal: abort.signal, output });
    } catch (error) {
      if (isStopped(error)) throw error;
      return failedWith(error, elapsedMs);
    } finally {
      clearTimeout(timer);
    }
  }

  #outputOf(commandId: CommandId): (text: string) => void {
    let left = LIVE_OUTPUT_LIMIT;
    return (text) => {
      if (left <= 0 || text === "") return;
      this.#deps.onOutput(commandId, text.slice(0, left));
      left -= text.length;
    };
  }

  async #end(command: Command, outcome: Outcome): Promise<JournalEntry> {
    for (;;) {
      try {
        return this.#deps.journal.end(command, outcome);
      } catch (error) {
        if (isStopped(error)) throw error;
        // A full disk: the effect is there and must be told, so wait for space with the slot kept shut.
        this.#deps.warn(`the outcome of ${command.commandId} is not in the journal yet: ${problemFrom(error).title}`);
        await new Promise((resolve) => setTimeout(resolve, JOURNAL_RETRY_MS));
      }
    }
  }
}
