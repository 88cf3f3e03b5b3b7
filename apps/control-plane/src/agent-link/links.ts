/**
 * All agents that are connected to this replica.
 * 1. A host has at most one connection here; a newer one anywhere ends it.
 * 2. Without a living lease nothing is accepted, and a lost lease ends every link: the agents go to a replica that lives.
 * 3. Whatever a notification says is read from the database; a missed one is made up by looking at everything.
 */

import type { AgentMessage, AgentOrder, InstanceUsage } from "@evenkeel/contracts/agent-protocol";
import { problemOf } from "@evenkeel/contracts/error";
import type { HostFacts } from "@evenkeel/contracts/host";
import type { CommandId, HostId, TenantId } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import { gather } from "@evenkeel/kit/gather";
import type { ReplicaLease } from "@evenkeel/kit/lease";
import type { Log } from "@evenkeel/kit/log";
import type { Listener } from "@evenkeel/kit/notify";
import type { Kysely } from "kysely";
import type { WebSocket } from "ws";
import type { Database } from "../database.ts";
import type { UpgradeHandler } from "../http/index.ts";
import { acceptLinks, Link, Pulse } from "../link/index.ts";
import { admitAgent, type Hello } from "./admission.ts";
import { Challenges } from "./challenge.ts";
import { AgentConnection, type RecordWindows } from "./connection.ts";
import type { AgentConnections } from "./connections.ts";
import { type Desk, openDesk } from "./desk.ts";
import type { AgentListener } from "./listener.ts";
import type { LogRequest, LogSink } from "./log-reader.ts";
import { readAgentMessage } from "./read-message.ts";
import {
  endSession,
  markEnded,
  markReported,
  OUTBOX_CHANNEL,
  readEpochs,
  readOpen,
  readUnreported,
  SESSION_CHANNEL,
  sweepSessions,
} from "./store/index.ts";

export interface AgentLinksOptions {
  readonly db: Kysely<Database>;
  readonly lease: ReplicaLease;
  readonly notifications: Listener;
  readonly listener: AgentListener;
  /** Where admitted connections are found by others, and by nobody else's hand. */
  readonly connections: AgentConnections;
  readonly authenticate: (credential: string) => Promise<{ hostId: HostId; tenantId: TenantId } | null>;
  readonly recordWindows: RecordWindows;
  readonly log: Log;
  readonly nowMs: () => number;
}

const SWEEP_MS = 2000;
const HELLO_WITHIN_MS = 5000;
const CLOSE_WITHIN_MS = 4000;

type AgentSocket = Link<AgentMessage, AgentOrder>;

export class AgentLinks {
  readonly upgrade: UpgradeHandler;
  readonly #options: AgentLinksOptions;
  readonly #sockets = new Set<AgentSocket>();
  readonly #desk: Desk;
  readonly #connections: AgentConnections;
  readonly #challenges: Challenges;
  readonly #pulse: Pulse;
  readonly #sweeper: NodeJS.Timeout;
  readonly #stop: (() => void)[];
  readonly #ending = new Set<Promise<void>>();
  /** Thousands of hosts that have news at the same time are one look. */
  readonly #lookForRevoked = gather(
    async (heard: readonly null[]) => {
      await this.#reportRevoked();
      return heard;
    },
    { atMost: Number.MAX_SAFE_INTEGER },
  );
  #closed = false;

  constructor(options: AgentLinksOptions) {
    this.#options = options;
    this.#connections = options.connections;
    this.#desk = openDesk(options.db);
    const { db, lease, notifications, log } = options;
    this.upgrade = acceptLinks({
      ready: () => !this.#closed && lease.held,
      authenticate: options.authenticate,
      open: (socket, { hostId }) => this.#open(socket, hostId),
      log,
    });
    this.#challenges = new Challenges({
      db,
      notifications,
      ownReplicaId: () => lease.id,
      put: ({ hostId, connectionEpoch, nonce }) => {
        const held = this.#connections.get(hostId);
        if (held?.connection.connectionEpoch !== connectionEpoch || !held.link.open) return false;
        held.link.send({ kind: "challenge", nonce });
        return true;
      },
    });
    this.#stop = [
      notifications.on(OUTBOX_CHANNEL, (hostId) => this.#outboxMoved(hostId as HostId | null)),
      notifications.on(SESSION_CHANNEL, (payload) => this.#sessionMoved(payload)),
    ];
    lease.onLost(() => this.#dropAll());
    this.#pulse = new Pulse(this.#sockets, options.nowMs);
    this.#sweeper = setInterval(() => void this.#sweep(), SWEEP_MS);
  }

  /** Starts reading log files of a slot; null = the host is not connected here. The answer ends the read. */
  readLog(hostId: HostId, request: LogRequest, sink: LogSink): (() => void) | null {
    return this.#connections.get(hostId)?.logs.start(request, sink) ?? null;
  }

  /** The latest that a host connected here has told of itself. */
  readings(hostId: HostId): { facts: HostFacts; clockSkewMs: number | null } | null {
    const current = this.#connections.get(hostId)?.readings.current;
    return current?.facts ? { facts: current.facts, clockSkewMs: current.clockSkewMs } : null;
  }

  /** What the instances of all hosts connected here use, as their agents last told. */
  usage(): (InstanceUsage & { readonly hostId: HostId })[] {
    return [...this.#connections].flatMap(([hostId, { readings }]) =>
      readings.usage.map((one) => ({ hostId, ...one })),
    );
  }

  /** What all hosts connected here have told of themselves last. */
  facts(): { readonly hostId: HostId; readonly facts: HostFacts }[] {
    return [...this.#connections].flatMap(([hostId, { readings }]) => {
      const { facts } = readings.current;
      return facts === null ? [] : [{ hostId, facts }];
    });
  }

  /** Ends all links in order, so that the agents go elsewhere at once. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweeper);
    this.#pulse.stop();
    for (const stop of this.#stop) stop();
    this.#challenges.close();
    for (const socket of this.#sockets) socket.close(1001, "going away");
    const overdue = setTimeout(() => this.#dropAll(), 1000);
    // A listener that hangs must not keep the process: what it has not stored is said again elsewhere.
    const deadlineMs = this.#options.nowMs() + CLOSE_WITHIN_MS;
    while ((this.#sockets.size > 0 || this.#ending.size > 0) && this.#options.nowMs() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    clearTimeout(overdue);
  }

  #dropAll(): void {
    for (const socket of this.#sockets) socket.terminate();
  }

  #open(socket: WebSocket, hostId: HostId): void {
    const { log, listener, nowMs } = this.#options;
    const link: AgentSocket = new Link(socket, {
      peer: hostId,
      read: readAgentMessage,
      log,
      nowMs,
    });
    this.#sockets.add(link);
    const late = setTimeout(() => link.terminate(), HELLO_WITHIN_MS);
    let admitted: AgentConnection | null = null;
    link.handle({
      immediate: (message) => admitted?.immediate(message) ?? message.kind === "heartbeat",
      message: async (message) => {
        if (admitted !== null) return await admitted.message(message);
        if (message.kind !== "hello") return;
        clearTimeout(late);
        admitted = await this.#greet(link, hostId, message);
        if (admitted === null) return;
        await admitted.begin(message);
        await listener.hostChanged(hostId, true);
      },
      closed: async () => {
        clearTimeout(late);
        this.#sockets.delete(link);
        if (admitted !== null) await this.#track(this.#ended(admitted));
      },
    });
  }

  async #greet(link: AgentSocket, hostId: HostId, hello: Hello): Promise<AgentConnection | null> {
    const { db, lease, log, listener, nowMs, recordWindows } = this.#options;
    const desk = this.#desk;
    const deps = { db, desk, challenges: this.#challenges, replicaId: lease.id };
    const admission = await admitAgent(deps, hostId, hello);
    switch (admission.kind) {
      case "refused":
        log.warn({ hostId, why: admission.why }, "an agent was refused");
        link.close(1008, admission.why.slice(0, 100));
        return null;
      case "set-aside":
        log.warn({ hostId, code: admission.problem.code }, "a host is set aside");
        if (admission.state === "journal-lost") await this.#interruptOpen(hostId);
        link.send({ kind: "set-aside", problem: admission.problem });
        link.close(1008, admission.problem.code);
        return null;
      case "admitted": {
        const answerChallenge = (nonce: string): Promise<void> => this.#challenges.answer(nonce);
        const connection = new AgentConnection(
          { db, desk, listener, log, nowMs, answerChallenge, recordWindows },
          link,
          { ...admission, hello },
        );
        this.#connections.get(hostId)?.link.terminate();
        this.#connections.set(hostId, connection);
        connection.readings.take({ sentAt: hello.sentAt }, Date.now());
        return connection;
      }
    }
  }

  async #ended(connection: AgentConnection): Promise<void> {
    const { hostId } = connection.connection;
    connection.logs.endAll();
    if (this.#connections.get(hostId) === connection) this.#connections.delete(hostId);
    if (await endSession(this.#options.db, connection.connection))
      await this.#options.listener.hostChanged(hostId, false);
  }

  async #track(work: Promise<void>): Promise<void> {
    this.#ending.add(work);
    await work.finally(() => this.#ending.delete(work));
  }

  /** Its journal cannot tell what became of them, so nobody ever will. */
  async #interruptOpen(hostId: HostId): Promise<void> {
    const { db, listener } = this.#options;
    const problem = problemOf("STEP_INTERRUPTED", { problem: say("why.journal-lost") });
    for (const command of await readOpen(db, hostId)) {
      await listener.outcome(command, { kind: "interrupted", problem, elapsedMs: 0 });
      // killed here: the next hello of this host does the rest
      await markEnded(db, [command.commandId]);
    }
  }

  async #outboxMoved(hostId: HostId | null): Promise<void> {
    if (hostId === null) for (const connection of this.#connections.values()) connection.pump();
    else this.#connections.get(hostId)?.pump();
    await this.#lookForRevoked(null);
  }

  async #reportRevoked(): Promise<void> {
    const { db, listener } = this.#options;
    const ids: CommandId[] = await readUnreported(db);
    if (ids.length === 0) return;
    await Promise.all(ids.map((commandId) => listener.revoked(commandId, true)));
    await markReported(db, ids);
  }

  async #sessionMoved(payload: string | null): Promise<void> {
    if (payload === null) return await this.#checkSessions();
    const { hostId, connectionEpoch } = JSON.parse(payload) as { hostId: HostId; connectionEpoch: number };
    const held = this.#connections.get(hostId);
    if (held === undefined || held.connection.connectionEpoch >= connectionEpoch) return;
    await this.#dismiss(held);
  }

  async #checkSessions(): Promise<void> {
    // Those that connect during the query are newer than its answer.
    const connections = [...this.#connections.values()];
    const ids = connections.map(({ connection }) => connection.hostId);
    const newest = await readEpochs(this.#options.db, ids);
    for (const held of connections) {
      const { hostId, connectionEpoch } = held.connection;
      if (newest.get(hostId) !== connectionEpoch) await this.#dismiss(held);
    }
  }

  /** A newer connection is in force, or the host was set aside or removed. */
  async #dismiss(held: AgentConnection): Promise<void> {
    const host = await this.#desk.host(held.connection.hostId);
    if (host?.setAsideProblem) held.link.send({ kind: "set-aside", problem: host.setAsideProblem });
    held.link.close(1008, "superseded");
    setTimeout(() => held.link.terminate(), 1000).unref();
  }

  async #sweep(): Promise<void> {
    const { db, lease, listener, log } = this.#options;
    if (!lease.held) return;
    try {
      const gone = await sweepSessions(db);
      await Promise.all(gone.map((hostId) => listener.hostChanged(hostId, false)));
    } catch (error) {
      log.warn({ err: error }, "sessions of dead replicas could not be swept");
    }
  }
}
