import type { AgentProtocol } from "@evenkeel/agent-core/protocol";
import { retryPauseMs } from "@evenkeel/agent-core/retry-pause";
import {
  AGENT_LINK_PATH,
  type AgentMessage,
  HEARTBEAT_MS,
  type InstanceUsage,
  LOST_AFTER_MS,
} from "@evenkeel/contracts/agent-protocol";
import type { HostFacts } from "@evenkeel/contracts/host";
import type { BaseWindow } from "@evenkeel/contracts/module-statistics";
import { WebSocket } from "ws";
import type { ClockSkew } from "./clock-skew.ts";

// 1. One connection at a time; the next is opened when the last has gone.
// 2. A control plane that is silent for LOST_AFTER_MS, or does not answer a connection for as long, is left for the next;
//    where there is a next, one that stands still is not waited for so long: the kernel counts how long this host is away.
// 3. What cannot be sent is dropped here: the journal, not the socket, is what remembers.

const SET_ASIDE_RETRY_MS = 5000;
const RESEND_MS = 5000;
const FACTS_EVERY = 5;
const MESSAGE_LIMIT_BYTES = 8 * 1024 ** 2;
/** With more than this unsent, logs and live output are dropped rather than kept in memory. */
const BACKLOG_LIMIT_BYTES = 4 * 1024 ** 2;

export interface LinkOptions {
  readonly controlPlanes: readonly string[];
  readonly credential: string;
  readonly protocol: AgentProtocol;
  readonly facts: { read(): Promise<HostFacts> };
  readonly clockSkew: ClockSkew;
  readonly usage: () => Promise<InstanceUsage[]>;
  readonly baseWindows: () => Promise<BaseWindow[]>;
  log(text: string): void;
}

/** Keeps one WebSocket to one of the control planes. */
export class Link {
  readonly #options: LinkOptions;
  #socket: WebSocket | null = null;
  #index = 0;
  #attempts = 0;
  #beats = 0;
  #timers: NodeJS.Timeout[] = [];
  #silence: NodeJS.Timeout | null = null;
  #retry: NodeJS.Timeout | null = null;
  #setAside = false;
  #closed = false;
  #heardAt = Number.NEGATIVE_INFINITY;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Control planes, the one of this connection first. */
  urls(): string[] {
    const { controlPlanes } = this.#options;
    const at = this.#index % controlPlanes.length;
    return [...controlPlanes.slice(at), ...controlPlanes.slice(0, at)];
  }

  /** Timers of a process that was frozen fire after its messages: this looks at the clock itself. */
  isFresh(): boolean {
    return performance.now() - this.#heardAt < LOST_AFTER_MS;
  }

  open(): void {
    const [url = ""] = this.urls();
    const socket = new WebSocket(`${url.replace(/^http/, "ws")}/api/v1${AGENT_LINK_PATH}`, {
      headers: { authorization: `Bearer ${this.#options.credential}` },
      handshakeTimeout: this.#options.controlPlanes.length > 1 ? LOST_AFTER_MS / 2 : LOST_AFTER_MS,
      maxPayload: MESSAGE_LIMIT_BYTES,
      perMessageDeflate: false,
    });
    this.#socket = socket;
    let reason = "closed";
    socket.on("open", () => this.#opened(socket, url));
    socket.on("message", (data) => this.#received(socket, String(data)));
    socket.on("unexpected-response", (request, response) => {
      reason = `answered ${response.statusCode}`;
      request.destroy();
      this.#lost(socket, url, reason);
    });
    socket.on("error", (error) => {
      reason = error.message;
    });
    socket.on("close", () => this.#lost(socket, url, reason));
  }

  /** The control plane set this host aside: the connection is given up and tried again later. */
  setAside(): void {
    this.#setAside = true;
    this.#socket?.close();
  }

  close(): void {
    this.#closed = true;
    this.#stopTimers();
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#socket?.terminate();
  }

  #opened(socket: WebSocket, url: string): void {
    this.#options.log(`connected to ${url}`);
    this.#setAside = false;
    this.#beats = 0;
    this.#listen();
    this.#options.protocol.connect((message) => this.#send(socket, message));
    this.#timers = [
      setInterval(() => void this.#beat(socket), HEARTBEAT_MS),
      setInterval(() => this.#options.protocol.resend(), RESEND_MS),
    ];
    void this.#beat(socket);
  }

  /** Measured on the clock of timers, which no person sets. */
  #listen(): void {
    this.#heardAt = performance.now();
    if (this.#silence !== null) clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#options.log("the control plane is silent");
      this.#socket?.terminate();
    }, LOST_AFTER_MS);
  }

  #received(socket: WebSocket, text: string): void {
    if (!this.isFresh()) {
      // Frozen meanwhile: what lies in the socket may be older than what has been decided since.
      socket.terminate();
      return;
    }
    this.#listen();
    this.#attempts = 0;
    let order: unknown;
    try {
      order = JSON.parse(text);
    } catch {
      this.#options.log("a message that is no JSON was dropped");
      return;
    }
    this.#options.clockSkew.hear(order);
    this.#options.protocol.receive(order);
  }

  async #beat(socket: WebSocket): Promise<void> {
    const withFacts = this.#beats % FACTS_EVERY === 0;
    this.#beats += 1;
    // Not part of the beat: a base that is slow to answer must not make this host look lost.
    if (withFacts) void this.#tellOfBases(socket);
    const more = withFacts ? await this.#readMore() : {};
    const atMostMs = this.#options.clockSkew.atMostMs();
    const heard = atMostMs === null ? {} : { clockAheadAtMostMs: atMostMs };
    this.#send(socket, { kind: "heartbeat", sentAt: new Date().toISOString(), ...heard, ...more });
  }

  /** A beat without them is better than none. */
  async #readMore(): Promise<{ facts?: HostFacts; usage?: InstanceUsage[] }> {
    const { facts, usage } = this.#options;
    const [read, used] = await Promise.allSettled([facts.read(), usage()]);
    return {
      ...(read.status === "fulfilled" && { facts: read.value }),
      ...(used.status === "fulfilled" && { usage: used.value }),
    };
  }

  async #tellOfBases(socket: WebSocket): Promise<void> {
    const bases = await this.#options.baseWindows().catch(() => []);
    if (bases.length > 0) this.#send(socket, { kind: "base-windows", bases });
  }

  #send(socket: WebSocket, message: AgentMessage): void {
    if (socket.readyState !== WebSocket.OPEN) return;
    const droppable = message.kind === "log" || message.kind === "output" || message.kind === "base-windows";
    if (droppable && socket.bufferedAmount > BACKLOG_LIMIT_BYTES) return;
    socket.send(JSON.stringify(message), () => undefined);
  }

  #lost(socket: WebSocket, url: string, reason: string): void {
    if (this.#socket !== socket) return;
    this.#socket = null;
    this.#stopTimers();
    this.#options.protocol.disconnect();
    if (this.#closed) return;
    this.#options.log(`no link to ${url}: ${reason}`);
    this.#index += 1;
    this.#retry = setTimeout(() => this.open(), this.#pauseMs());
  }

  #pauseMs(): number {
    if (this.#setAside) return SET_ASIDE_RETRY_MS;
    const pauseMs = retryPauseMs(this.#attempts);
    this.#attempts += 1;
    return pauseMs;
  }

  #stopTimers(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
    if (this.#silence !== null) clearTimeout(this.#silence);
  }
}
