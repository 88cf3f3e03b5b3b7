// One instance and the connections to it.
// Invariants:
// 1. A connection carries one request at a time; a request is counted as in flight from the choice of the instance until
//    the instance has nothing more to do for it.
// 2. From `drain` on nothing is sent on a connection that was idle: those are closed at once, busy ones after their answer.
// 3. A request that must not be sent twice goes on a new connection, or on one that was asked a moment ago (PROVEN_MS)
//    and has answered: an application that closes idle connections without a word would lose it otherwise. When the
//    answer came nobody knows: it may have lain there while this process stood still.
import type { ServiceId } from "@evenkeel/contracts/id";
import type { Upstream } from "@evenkeel/contracts/route-table";
import { buildConnector, Client } from "undici";
import { Counter } from "../statistics.ts";
import { type Flying, InFlight } from "./in-flight.ts";

const CONNECT_TIMEOUT_MS = 2000;
// What an application does not announce must be guessed: of those known none closes an idle connection earlier than
// after 2 s; one that announces `keep-alive: timeout=N` is used for N s less MARGIN_MS.
const IDLE_MS = 1500;
const MARGIN_MS = 1000;
const PROVEN_MS = 1000;
const MAX_IDLE = 256;
const MAX_HEADER_BYTES = 64 * 1024;

const connect = buildConnector({ timeout: CONNECT_TIMEOUT_MS, allowH2: false });

/** One connection, or the place of one that is made when it is needed. */
export class Line {
  readonly client: Client;
  /** Whether the connection as it is now has answered before. */
  proven = false;
  /** When the last request was sent on it. */
  askedAt = 0;

  constructor(origin: string, responseTimeoutMs: number) {
    this.client = new Client(origin, {
      connect,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: IDLE_MS,
      keepAliveTimeoutThreshold: MARGIN_MS,
      headersTimeout: responseTimeoutMs,
      // A stream of events may be silent for as long as it likes; TCP keep-alive finds a host that has gone.
      bodyTimeout: 0,
      maxHeaderSize: MAX_HEADER_BYTES,
    });
  }

  close(): void {
    this.client.destroy(null).catch(() => undefined);
  }
}

/** What an instance needs to know of the service that it belongs to. */
interface Owner {
  readonly id: ServiceId;
  readonly responseTimeoutMs: number;
}

export class Instance {
  readonly service: Owner;
  readonly upstream: Upstream;
  readonly origin: string;
  readonly counter: Counter;
  readonly inFlight = new InFlight();
  readonly longLived = new Set<Pick<Flying, "cut">>();
  /** Connections that carry a copy, whose answer nobody waits for. */
  readonly copies = new Set<Line>();
  weight: number;
  draining: boolean;
  /** The share of its weight that it carries while it is new. */
  warmth = 1;
  /** It failed more than the others: left alone for a while. */
  ejected = false;
  /** Null until a connection was tried; then what hindered it, or "" when it was made. */
  reached: string | null = null;
  readonly #idle: Line[] = [];
  #connected = 0;
  readonly #onIdle: (instance: Instance) => void;

  constructor(service: Owner, upstream: Upstream, onIdle: (instance: Instance) => void) {
    this.service = service;
    this.upstream = upstream;
    this.weight = upstream.weight;
    this.draining = upstream.draining;
    const host = upstream.address.includes(":") ? `[${upstream.address}]` : upstream.address;
    this.origin = `http://${host}:${upstream.port}`;
    this.counter = new Counter(service.id, upstream.instance, upstream.version);
    this.#onIdle = onIdle;
  }

  /** Those that left HTTP are their tunnels', and no line's any more. */
  get connections(): number {
    return this.#connected + this.longLived.size;
  }

  /** A connection for one request; `once` = the request must not be sent twice. */
  take({ once, fresh }: { once: boolean; fresh: boolean }): Line {
    const newest = this.#idle.at(-1);
    const now = performance.now();
    const unfit = fresh || newest === undefined || (once && now - newest.askedAt > PROVEN_MS);
    const line = unfit ? this.#open() : newest;
    if (!unfit) this.#idle.pop();
    line.askedAt = now;
    return line;
  }

  #open(): Line {
    const line = new Line(this.origin, this.service.responseTimeoutMs);
    line.client.on("connect", () => {
      this.#connected += 1;
    });
    line.client.on("disconnect", () => {
      this.#connected -= 1;
      line.proven = false;
      const index = this.#idle.indexOf(line);
      if (index === -1) return;
      this.#idle.splice(index, 1);
      line.close();
    });
    return line;
  }

  /** The request on it was answered in full. */
  giveBack(line: Line): void {
    if (this.draining || this.#idle.length >= MAX_IDLE) {
      line.close();
      return;
    }
    line.proven = true;
    this.#idle.push(line);
  }

  /** The request has left the instance. */
  leave(request: Flying): void {
    this.inFlight.delete(request);
    if (this.inFlight.size === 0 && this.draining) this.#onIdle(this);
  }

  drain(): void {
    this.draining = true;
    for (const line of this.#idle.splice(0)) line.close();
  }

  cut(): void {
    this.inFlight.cut();
    this.cutLongLived();
  }

  cutLongLived(): void {
    for (const tunnel of [...this.longLived]) tunnel.cut();
  }
}
