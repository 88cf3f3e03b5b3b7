import { AgentStopped, type AtExitPoint, type ExitPoint } from "@evenkeel/agent-core/exit-point";
import type { Journal } from "@evenkeel/agent-core/journal";
import { createMemoryJournal } from "@evenkeel/agent-core/memory-journal";
import { AgentProtocol } from "@evenkeel/agent-core/protocol";
import { beginWhenDue, type RunCommand } from "@evenkeel/agent-core/slot";
import type { AgentMessage, AgentOrder, InstanceReport } from "@evenkeel/contracts/agent-protocol";
import type { HostId } from "@evenkeel/contracts/id";

/** One connection to a fake agent: orders go in, messages come out, no socket between. */
export interface FakeLink {
  send(order: AgentOrder): void;
  /** Called with each message, those sent before it was set included. */
  onMessage(listener: (message: AgentMessage) => void): void;
  /** Every message so far, in order. */
  readonly messages: readonly AgentMessage[];
  heartbeat(): void;
  close(): void;
}

/** The real protocol, slots and fences, with a journal in memory and the commands of the test. */
export interface FakeAgent {
  readonly hostId: HostId;
  readonly journal: Journal;
  readonly stopped: boolean;
  connect(): FakeLink;
  /** Ends it as kill -9 would: from here on nothing is written or sent. */
  stop(): void;
  /** Ends it at the n-th passing of this point. */
  stopAt(point: ExitPoint, nth?: number): void;
  /** Resolves once it was ended. */
  readonly ended: Promise<void>;
  reportInstances(): void;
}

/** What a fake agent is made of; the journal of a stopped one makes it go on where that one ended. */
export interface FakeAgentOptions {
  readonly hostId: HostId;
  readonly run: RunCommand;
  readonly journal?: Journal;
  readonly instances?: () => InstanceReport[];
  readonly address?: string;
  readonly bootId?: string;
}

/** Starts an agent that has no host below it. */
export function createFakeAgent(options: FakeAgentOptions): FakeAgent {
  const { hostId, run, journal = createMemoryJournal(), instances = () => [] } = options;
  const stopAt = new Map<ExitPoint, number>();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  let stopped = false;
  const stop = (): void => {
    stopped = true;
    end();
  };
  const assertRunning = (): void => {
    if (stopped) throw new AgentStopped("this agent was stopped");
  };
  const at: AtExitPoint = (point) => {
    assertRunning();
    const left = (stopAt.get(point) ?? 0) - 1;
    stopAt.set(point, left);
    if (left === 0) stop();
    assertRunning();
  };
  const protocol = new AgentProtocol({
    host: { hostId, agentVersion: "fake", address: options.address ?? "127.0.0.1" },
    journal: guarded(journal, assertRunning),
    run: async (command, context) => {
      await beginWhenDue(context);
      return await run(command, context);
    },
    at,
    clock: { bootId: options.bootId ?? "boot-of-the-test", uptimeMs: () => performance.now() },
    isLinkFresh: () => true,
    instances,
    onForgotten: () => undefined,
    onSetAside: () => undefined,
    warn: (text) => console.warn(`fake agent ${hostId}: ${text}`),
  });
  protocol.recover();

  return {
    hostId,
    journal,
    ended,
    get stopped() {
      return stopped;
    },
    connect: () => connect(protocol, () => stopped),
    stop,
    stopAt: (point, nth = 1) => void stopAt.set(point, nth),
    reportInstances: () => protocol.reportInstances(),
  };
}

/** The journal as a process sees it that may end between any two writes. */
function guarded(journal: Journal, assertRunning: () => void): Journal {
  return new Proxy(journal, {
    get(target, name: keyof Journal) {
      const value = target[name];
      if (typeof value !== "function") return value;
      return (...parameters: unknown[]) => {
        assertRunning();
        return Reflect.apply(value, target, parameters);
      };
    },
  });
}

function connect(protocol: AgentProtocol, isStopped: () => boolean): FakeLink {
  const messages: AgentMessage[] = [];
  let listener: ((message: AgentMessage) => void) | null = null;
  let open = true;
  const emit = (message: AgentMessage): void => {
    if (isStopped() || !open) return;
    messages.push(message);
    listener?.(message);
  };
  protocol.connect(emit);
  return {
    messages,
    send: (order) => {
      if (open && !isStopped()) protocol.receive(order);
    },
    onMessage(next) {
      listener = next;
      for (const message of [...messages]) next(message);
    },
    heartbeat: () => emit({ kind: "heartbeat", sentAt: new Date().toISOString() }),
    close() {
      open = false;
      protocol.disconnect();
    },
  };
}
