import { type Command, type CommandType, lineOf, type Outcome } from "@evenkeel/contracts/agent-protocol";
import type { CommandId } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import { type AtExitPoint, isStopped } from "./exit-point.ts";
import type { Journal, JournalEntry, StartedAt } from "./journal.ts";
import { JournalTurn } from "./journal-turn.ts";
import { failedWith, interruptedWith, problemFrom } from "./outcome.ts";

// 1. Commands of one line (a slot, or a module in the base there) run one after another, in the order they were admitted; those without one run side by side, few at a time.
// 2. `started` is in the journal before anything is done, the outcome before anybody hears of it.
// 3. After `hold` nothing starts that had not started; what waits is in the journal and comes back by `admit` only.
// 4. A command that an earlier agent had started is taken up once, with the time that has passed since then counted.
// 5. Whatever a command does, the line behind it goes on.
// 6. What acts on processes asks at the last moment (`begin`), after all preparations and after the write to the journal too: who was
//    frozen or cut off in between acts only after a later welcome has said that it may (`renew`), and never once it was called back.

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
  /** Resolves once `begin` is worth asking; throws where the command was called back. */
  due(): Promise<void>;
  /** True: the start is in the journal, and what follows without waiting is the effect. False: not now; ask `due`. */
  begin(): Promise<boolean>;
}

/** Begins as soon as it may, for work that needs no preparation between the word and the deed. */
export async function beginWhenDue(context: Pick<RunContext, "due" | "begin">): Promise<void> {
  do await context.due();
  while (!(await context.begin()));
}

/** Types that say by themselves when they begin; all others have begun when they are run. */
const BEGIN_THEMSELVES: ReadonlySet<CommandType> = new Set([
  ...(["start-instance", "run-script", "stop-instance"] as const),
  ...(["install-module", "uninstall-module", "activate-module", "deactivate-module"] as const),
  ...(["publish-module", "unpublish-module", "clear-base", "split-base"] as const),
]);
/** Of these an earlier agent may have written the start and done nothing yet. */
const MAY_NOT_HAVE_ACTED: ReadonlySet<CommandType> = new Set(["start-instance", "run-script"]);

/** The command was called back before it had any effect. */
export class CalledBack extends Error {}

/** A command in hand. */
interface Work {
  begun: boolean;
  /** It was in hand when the link was lost, and nobody has said since that it may begin. */
  needsRenewal: boolean;
  calledBack: boolean;
  wake: () => void;
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
  readonly #turn: JournalTurn;
  readonly #lines = new Map<string, Line>();
  readonly #works = new Map<CommandId, Work>();

  constructor(deps: SlotDeps) {
    this.#deps = deps;
    this.#turn = new JournalTurn(deps.journal);
  }

  /** Lets a received command start as soon as its slot is free. */
  admit(command: Command): void {
    const line = this.#lineOf(command);
    if (line.waiting.some(({ commandId }) => commandId === command.commandId)) return;
    line.waiting.push(command);
    this.#advance(lineOf(command) ?? FREE, line);
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
    for (const work of this.#works.values()) work.needsRenewal = true;
  }

  /** Says that a command in hand may begin; false where it is not in hand. */
  renew(commandId: CommandId): boolean {
    const work = this.#works.get(commandId);
    if (work === undefined) return false;
    work.needsRenewal = false;
    work.wake();
    return true;
  }

  /** Commands that wait for their turn. */
  get waiting(): number {
    return [...this.#lines.values()].reduce((sum, line) => sum + line.waiting.length, 0);
  }

  /** Takes a waiting command out of its line; one in hand that has not begun never does. */
  drop(commandId: CommandId): void {
    for (const line of this.#lines.values())
      line.waiting = line.waiting.filter((command) => command.commandId !== commandId);
    const work = this.#works.get(commandId);
    if (work === undefined || work.begun) return;
    work.calledBack = true;
    work.wake();
  }

  #lineOf(command: Command): Line {
    const key = lineOf(command) ?? FREE;
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
    this.#advance(lineOf(command) ?? FREE, line);
  }

  async #work(command: Command, earlier: StartedAt | null): Promise<void> {
    const { at, journal } = this.#deps;
    const begun = earlier !== null && !MAY_NOT_HAVE_ACTED.has(command.type);
    const work: Work = { begun, needsRenewal: earlier !== null, calledBack: false, wake: () => undefined };
    this.#works.set(command.commandId, work);
    try {
      const outcome = await this.#run(command, work, earlier);
      // Called back: the journal says so already, unless an earlier agent had written that it started.
      if (outcome === null && journal.find(command.commandId)?.state !== "started") return;
      at("after-effect");
      at("before-outcome-journal");
      const entry = await this.#end(command, outcome ?? NEVER_BEGUN);
      // killed here: the outcome is in the journal, and is reported after the next welcome
      at("before-report");
      this.#deps.onEnded(entry);
      at("after-report");
    } catch (error) {
      if (!isStopped(error)) this.#deps.warn(`${command.type} ${command.commandId}: ${problemFrom(error).title}`);
    } finally {
      this.#works.delete(command.commandId);
    }
  }

  /** Null = it was called back before it began. */
  async #run(command: Command, work: Work, earlier: StartedAt | null): Promise<Outcome | null> {
    const { clock, run } = this.#deps;
    const elapsedMs = earlier?.bootId === clock.bootId ? clock.uptimeMs() - earlier.uptimeMs : 0;
    const deadline = new Deadline(command.deadlineMs - elapsedMs);
    try {
      if (earlier === null && !BEGIN_THEMSELVES.has(command.type)) await this.#start(command.commandId, work);
      const outcome = await run(command, {
        resumed: earlier !== null,
        elapsedMs,
        signal: deadline.signal,
        output: this.#outputOf(command.commandId),
        due: () => this.#due(work, deadline),
        begin: () => this.#begin(command.commandId, work, earlier),
      });
      return work.calledBack && earlier === null ? null : outcome;
    } catch (error) {
      if (isStopped(error)) throw error;
      return error instanceof CalledBack ? null : failedWith(error, elapsedMs);
    } finally {
      deadline.clear();
    }
  }

  #mayBegin(work: Work): boolean {
    return !work.calledBack && !work.needsRenewal && this.#deps.mayStart();
  }

  /** The time of the command does not run while it is kept back. */
  async #due(work: Work, deadline: Deadline): Promise<void> {
    while (!work.begun) {
      if (work.calledBack) throw new CalledBack();
      if (this.#mayBegin(work)) return;
      // Whoever stood still for so long that he was given up is told apart from one who was heard of again by the next welcome.
      work.needsRenewal = true;
      deadline.pause();
      await new Promise<void>((resolve) => {
        work.wake = resolve;
      });
      deadline.goOn();
    }
  }

  async #begin(commandId: CommandId, work: Work, earlier: StartedAt | null): Promise<boolean> {
    if (work.begun) return true;
    if (!this.#mayBegin(work)) return false;
    if (earlier === null && !(await this.#write(commandId, () => this.#mayBegin(work)))) return false;
    // Frozen during the write: what was decided since is not known.
    if (!this.#mayBegin(work)) {
      if (earlier === null) this.#deps.journal.takeBack(commandId);
      return false;
    }
    work.begun = true;
    if (earlier === null) this.#deps.onStarted(commandId);
    return true;
  }

  async #start(commandId: CommandId, work: Work): Promise<void> {
    // Called back or cut off since it was admitted: it waits in the journal, as all that has not started does.
    if (!(await this.#write(commandId, () => this.#mayBegin(work)))) throw new CalledBack();
    work.begun = true;
    this.#deps.onStarted(commandId);
  }

  /** Answers false, and writes nothing, where it may not be written any more when its turn has come. */
  async #write(commandId: CommandId, mayWrite: () => boolean): Promise<boolean> {
    const { journal, clock, at } = this.#deps;
    at("before-start-journal");
    const isWritten = await this.#turn.write(() => {
      if (!mayWrite()) return false;
      journal.start(commandId, { bootId: clock.bootId, uptimeMs: clock.uptimeMs() });
      return true;
    });
    // killed here: the next agent takes it up, and asks its record what came of it
    at("after-start-journal");
    return isWritten;
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
        return await this.#turn.write(() => this.#deps.journal.end(command, outcome));
      } catch (error) {
        if (isStopped(error)) throw error;
        // A full disk: the effect is there and must be told, so wait for space with the slot kept shut.
        this.#deps.warn(`the outcome of ${command.commandId} is not in the journal yet: ${problemFrom(error).title}`);
        await new Promise((resolve) => setTimeout(resolve, JOURNAL_RETRY_MS));
      }
    }
  }
}

const NEVER_BEGUN = interruptedWith("STEP_INTERRUPTED", { problem: say("why.called-back") });

/** Aborts its signal when the time is over; paused, no time passes. */
class Deadline {
  readonly #abort = new AbortController();
  #leftMs: number;
  #since = performance.now();
  #timer: NodeJS.Timeout | undefined;

  constructor(leftMs: number) {
    this.#leftMs = leftMs;
    this.goOn();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  goOn(): void {
    this.clear();
    this.#since = performance.now();
    const ms = Math.max(0, Math.min(this.#leftMs, LONGEST_TIMER_MS));
    this.#timer = setTimeout(() => this.#abort.abort(), ms);
  }

  pause(): void {
    this.clear();
    this.#leftMs -= performance.now() - this.#since;
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}
