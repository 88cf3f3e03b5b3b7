import {
  AGENT_PROTOCOL,
  type AgentMessage,
  AgentOrder,
  type Command,
  compareFences,
  type InstanceReport,
  lineOf,
  type Outcome,
  type SlotBase,
} from "@evenkeel/contracts/agent-protocol";
import { type Problem, problemOf } from "@evenkeel/contracts/error";
import type { CommandId, HostId } from "@evenkeel/contracts/id";
import { type AtExitPoint, isStopped } from "./exit-point.ts";
import { type Gathered, Intake } from "./intake.ts";
import type { Journal, JournalEntry } from "./journal.ts";
import { interruptedWith, problemFrom, refusedWith } from "./outcome.ts";
import { type HostClock, type RunCommand, Slots } from "./slot.ts";

// 1. A command is in the journal before it is admitted to its slot; a known id is never run a second time.
// 2. Without a welcome nothing starts: after a lost link a command that had not started waits until it is resumed.
// 3. An outcome is sent again after each welcome until it is acknowledged.
// 4. A bad order is dropped and told to the log; it ends nothing.
// 5. Orders are obeyed in the order they came. Commands and acknowledgements that come in one turn of the event loop are one write each.

/** Outcomes sent again in one go. */
const RESENT_AT_ONCE = 200;
/** Commands that may wait on one host; what comes then is refused, so that memory stays bounded. */
const WAITING_LIMIT = 1000;

/** Changes of instances that come within this time are told as one; what was told is one write in front of the next outcome. */
const TOGETHER_MS = 5;
/** Bases in one message. */
const BASES_AT_ONCE = 50;

/** Reads the log files of a slot for whoever asks over the link. */
export interface LogReader {
  read(order: Extract<AgentOrder, { kind: "read-log" }>, send: (message: AgentMessage) => void): void;
  end(readId: string): void;
  endAll(): void;
}

/** What the protocol needs of the agent around it. */
export interface ProtocolDeps {
  readonly host: { readonly hostId: HostId; readonly agentVersion: string; readonly address: string };
  readonly journal: Journal;
  readonly run: RunCommand;
  readonly at: AtExitPoint;
  readonly clock: HostClock;
  readonly logs?: LogReader;
  /** The link has been heard of lately; a process that was frozen notices here before anything else. */
  isLinkFresh(): boolean;
  instances(): InstanceReport[];
  /** Bases that have altered since they were last taken, or all. */
  takeBases?(all: boolean): SlotBase[] | undefined;
  /** Traces of these commands outside the journal may go. */
  onForgotten(commandIds: readonly CommandId[]): void;
  onSetAside(problem: Problem): void;
  warn(text: string): void;
}

type Orders = {
  [Kind in Exclude<AgentOrder["kind"], "command" | "acknowledge">]: (
    order: Extract<AgentOrder, { kind: Kind }>,
  ) => void;
};

/** The agent's side of the link, without the socket: orders in, messages out. */
export class AgentProtocol {
  readonly #deps: ProtocolDeps;
  readonly #slots: Slots;
  readonly #unacknowledged = new Set<CommandId>();
  readonly #intake = new Intake((gathered) => this.#obey(gathered));
  #send: ((message: AgentMessage) => void) | null = null;
  #welcomed = false;
  #instancesMoved: NodeJS.Timeout | null = null;
  #basesMoved: NodeJS.Timeout | null = null;

  readonly #orders: Orders = {
    welcome: (order) => this.#welcome(order),
    "set-aside": ({ problem }) => {
      this.#welcomed = false;
      this.#slots.hold();
      this.#deps.onSetAside(problem);
    },
    revoke: ({ commandId }) => this.#revoke(commandId),
    forget: ({ changeId }) => this.#forget(changeId),
    heartbeat: () => undefined,
    challenge: ({ nonce }) => this.#tell({ kind: "challenge-answer", nonce }),
    "read-log": (order) => this.#deps.logs?.read(order, (message) => this.#tell(message)),
    "end-log": ({ readId }) => this.#deps.logs?.end(readId),
  };

  constructor(deps: ProtocolDeps) {
    this.#deps = deps;
    this.#slots = new Slots({
      ...deps,
      mayStart: () => this.#welcomed && deps.isLinkFresh(),
      onStarted: (commandId) => this.#tell({ kind: "started", commandId }),
      onOutput: (commandId, text) => this.#tell({ kind: "output", commandId, text }),
      onEnded: (entry) => this.#report(entry),
    });
  }

  /** Takes up what an earlier agent had in hand; once, before the first link, and with no need of one. */
  recover(): void {
    for (const { commandId, command, state, startedAt } of this.#deps.journal.open()) {
      if (state === "ended") this.#unacknowledged.add(commandId);
      if (state === "started" && command !== null && startedAt !== null) this.#slots.takeUp(command, startedAt);
    }
  }

  /** A link is open: introduces the agent. */
  connect(send: (message: AgentMessage) => void): void {
    const { host, journal, clock, instances } = this.#deps;
    this.#send = send;
    this.#welcomed = false;
    const open = journal.open().map(({ commandId, state }) => ({
      commandId,
      state:
        state === "received" ? ("received" as const) : state === "started" ? ("started" as const) : ("ended" as const),
    }));
    this.#tell({
      kind: "hello",
      protocol: AGENT_PROTOCOL,
      ...host,
      journalId: journal.journalId,
      lastSequence: journal.lastSequence(),
      epoch: journal.highestFence(null).epoch,
      bootId: clock.bootId,
      sentAt: new Date().toISOString(),
      open,
      instances: instances(),
    });
  }

  /** The link is gone: what has not started stays where it is. */
  disconnect(): void {
    this.#intake.obeyNow();
    this.#send = null;
    this.#welcomed = false;
    this.#slots.hold();
    this.#deps.logs?.endAll();
  }

  /** Handles one order as it came over the link. */
  receive(raw: unknown): void {
    const parsed = AgentOrder.safeParse(raw);
    if (!parsed.success) {
      this.#deps.warn(`an order was not understood: ${parsed.error.issues[0]?.message ?? ""}`);
      return;
    }
    const order = parsed.data;
    if (order.kind === "command" || order.kind === "acknowledge") {
      this.#intake.add(order);
      return;
    }
    this.#intake.obeyNow();
    this.#try(order.kind, () => (this.#orders[order.kind] as (order: AgentOrder) => void)(order));
  }

  #obey({ commands, acknowledged }: Gathered): void {
    if (acknowledged.length > 0) this.#try("acknowledge", () => this.#acknowledge(acknowledged));
    if (commands.length > 0) this.#obeyAll(commands);
  }

  /** By one write; where that fails, each by its own. */
  #obeyAll(commands: readonly Command[]): void {
    let goOn: (() => void)[];
    try {
      goOn = this.#deps.journal.together(() => commands.map((command, ahead) => this.#command(command, ahead)));
    } catch (error) {
      if (isStopped(error)) return;
      for (const command of commands) this.#try("command", () => this.#command(command, 0)());
      return;
    }
    for (const each of goOn) this.#try("command", each);
  }

  #try(kind: AgentOrder["kind"], obey: () => void): void {
    try {
      obey();
    } catch (error) {
      if (isStopped(error)) return;
      this.#deps.warn(`an order of kind ${kind} failed: ${problemFrom(error).title}`);
    }
  }

  /** True between a welcome and the loss of the link. */
  get welcomed(): boolean {
    return this.#welcomed;
  }

  /** Tells the state of all instances, after one of them changed: once for changes that come together. */
  reportInstances(): void {
    this.#instancesMoved ??= setTimeout(() => this.#tellInstances(), TOGETHER_MS);
  }

  /** Tells which modules bases hold, after one of them altered. */
  reportBases(): void {
    this.#basesMoved ??= setTimeout(() => this.#tellBases(), TOGETHER_MS);
  }

  /** Sends outcomes again that nobody has acknowledged. */
  resend(): void {
    if (!this.#welcomed) return;
    for (const commandId of [...this.#unacknowledged].slice(0, RESENT_AT_ONCE)) {
      const entry = this.#deps.journal.find(commandId);
      if (entry !== null) this.#tellOutcome(entry);
    }
  }

  #welcome(order: Extract<AgentOrder, { kind: "welcome" }>): void {
    const { journal, host } = this.#deps;
    const highest = journal.highestFence(null).epoch;
    if (order.epoch < highest) {
      this.#deps.onSetAside(problemOf("EPOCH_OUTDATED", { host: host.hostId, epoch: order.epoch, highest }));
      return;
    }
    this.#welcomed = true;
    journal.raiseEpoch(order.epoch);
    const bases = this.#deps.takeBases?.(true);
    if (bases !== undefined) this.#sendBases(bases, true);
    for (const commandId of order.void) this.#void(commandId);
    const ended = [...order.void, ...order.acknowledged].filter((id) => journal.find(id)?.state === "ended");
    if (ended.length > 0) this.#acknowledge(ended);
    for (const commandId of order.resume) {
      const entry = journal.find(commandId);
      if (entry !== null) this.#again(entry);
    }
    this.resend();
  }

  /** Writes that it has come, behind so many others of this turn, and answers what is done once that is on the disk. */
  #command(command: Command, ahead: number): () => void {
    const { journal, at } = this.#deps;
    if (!this.#welcomed) {
      this.#deps.warn(`the command ${command.commandId} came before a welcome and is left alone`);
      return () => undefined;
    }
    const known = journal.find(command.commandId);
    if (known !== null) return () => this.#again(known);
    const refused = this.#ofEarlierEpoch(command) ?? this.#ifStale(command) ?? this.#ifTooMany(ahead);
    if (refused !== null) {
      const entry = journal.end(command, refused);
      return () => this.#report(entry);
    }
    at("before-journal");
    if (command.supersedes !== undefined) this.#void(command.supersedes);
    journal.receive(command);
    // killed here: the command is known and has not started; it waits to be resumed
    return () => {
      at("after-journal");
      this.#slots.admit(command);
    };
  }

  /** From before a restore, and unknown here: it may have run, been reported and been forgotten since the backup. */
  #ofEarlierEpoch(command: Command): Outcome | null {
    const { journal, host } = this.#deps;
    const { epoch } = command.fence;
    const highest = journal.highestFence(null).epoch;
    return epoch >= highest ? null : interruptedWith("EPOCH_STALE", { epoch, highest, host: host.hostId });
  }

  #ifStale(command: Command): Outcome | null {
    const { journal } = this.#deps;
    const { fence } = command;
    const line = lineOf(command);
    const ofHost = journal.highestFence(null);
    const highest = journal.highestFence(line);
    const stale = fence.epoch < ofHost.epoch || (line !== null && compareFences(fence, highest) < 0);
    const facts = { ...fence, highest: line === null ? ofHost.epoch : `${highest.epoch}.${highest.token}` };
    return stale ? refusedWith("FENCE_STALE", facts) : null;
  }

  #ifTooMany(ahead: number): Outcome | null {
    if (this.#slots.waiting + ahead < WAITING_LIMIT) return null;
    return refusedWith("UNAVAILABLE", { what: `a place in the line of the agent's ${WAITING_LIMIT} commands` });
  }

  /** An id that is known already: told what became of it, or started if it only waited for this word. */
  #again(entry: JournalEntry): void {
    const { commandId, command, state } = entry;
    switch (state) {
      case "received":
        if (this.#slots.renew(commandId)) break;
        if (command !== null) this.#admitUnlessStale(command);
        break;
      case "started":
        this.#tell({ kind: "started", commandId });
        this.#slots.renew(commandId);
        break;
      case "ended":
        this.#tellOutcome(entry);
        break;
      case "revoked":
      case "void":
        this.#tell({ kind: "revoked", commandId, revoked: true });
        break;
    }
  }

  #admitUnlessStale(command: Command): void {
    const stale = this.#ifStale(command);
    if (stale === null) this.#slots.admit(command);
    else this.#report(this.#deps.journal.end(command, stale));
  }

  #revoke(commandId: CommandId): void {
    const entry = this.#deps.journal.find(commandId);
    const open = entry === null || entry.state === "received";
    if (open) this.#close(commandId, "revoked");
    const revoked = open || entry.state === "revoked" || entry.state === "void";
    this.#tell({ kind: "revoked", commandId, revoked });
    // Of one that an earlier agent had started and never done the outcome tells it.
    if (entry?.state === "started") this.#slots.drop(commandId);
  }

  #void(commandId: CommandId): void {
    const entry = this.#deps.journal.find(commandId);
    if (entry === null || entry.state === "received") this.#close(commandId, "void");
    else this.#slots.drop(commandId);
  }

  #close(commandId: CommandId, state: "revoked" | "void"): void {
    this.#slots.drop(commandId);
    this.#deps.journal.close(commandId, state);
  }

  #acknowledge(commandIds: readonly CommandId[]): void {
    const { journal, at, onForgotten } = this.#deps;
    at("before-acknowledge");
    // killed here: the outcome is sent once more, and acknowledged once more
    journal.acknowledge(commandIds);
    for (const commandId of commandIds) this.#unacknowledged.delete(commandId);
    onForgotten(commandIds);
    at("after-acknowledge");
  }

  #forget(changeId: Command["changeId"]): void {
    const { journal, onForgotten } = this.#deps;
    for (const { commandId, command, state } of journal.open())
      if (state === "received" && command?.changeId === changeId) this.#close(commandId, "void");
    const forgotten = journal.forget(changeId);
    for (const commandId of forgotten) this.#unacknowledged.delete(commandId);
    onForgotten(forgotten);
  }

  /** Before any outcome that follows from it. */
  #tellInstances(): void {
    if (this.#instancesMoved === null) return;
    clearTimeout(this.#instancesMoved);
    this.#instancesMoved = null;
    if (this.#welcomed) this.#tell({ kind: "instances", instances: this.#deps.instances() });
  }

  /** Before any outcome that follows from it. */
  #tellBases(): void {
    if (this.#basesMoved === null) return;
    clearTimeout(this.#basesMoved);
    this.#basesMoved = null;
    if (!this.#welcomed) return;
    const altered = this.#deps.takeBases?.(false) ?? [];
    if (altered.length > 0) this.#sendBases(altered, false);
  }

  /** Reports are long: a message holds a few. */
  #sendBases(bases: readonly SlotBase[], whole: boolean): void {
    for (let at = 0; at === 0 || at < bases.length; at += BASES_AT_ONCE)
      this.#tell({ kind: "bases", whole: whole && at === 0, bases: bases.slice(at, at + BASES_AT_ONCE) });
  }

  #report(entry: JournalEntry): void {
    this.#unacknowledged.add(entry.commandId);
    this.#tellOutcome(entry);
  }

  #tellOutcome({ commandId, sequence, outcome }: JournalEntry): void {
    if (!this.#welcomed || outcome === null) return;
    this.#tellInstances();
    this.#tellBases();
    this.#tell({ kind: "outcome", commandId, sequence, outcome });
  }

  #tell(message: AgentMessage): void {
    const beforeWelcome = message.kind === "hello" || message.kind === "challenge-answer";
    if (this.#welcomed || beforeWelcome) this.#send?.(message);
  }
}
