import { HEARTBEAT_MS, LOST_AFTER_MS } from "@evenkeel/contracts/agent-protocol";

/** What of a link the pulse needs. */
export interface Beating {
  lastHeardMs: number;
  send(order: { kind: "heartbeat"; serverAt: string }): void;
  terminate(): void;
}

const TICK_MS = 1000;

/** Sends heartbeats on all links and ends those that are silent for too long. One timer for any number of links. */
export class Pulse {
  readonly #links: Iterable<Beating>;
  readonly #nowMs: () => number;
  readonly #timer: NodeJS.Timeout;
  #lastTickMs: number;
  #lastBeatMs = Number.NEGATIVE_INFINITY;

  constructor(links: Iterable<Beating>, nowMs: () => number) {
    this.#links = links;
    this.#nowMs = nowMs;
    this.#lastTickMs = nowMs();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const nowMs = this.#nowMs();
    const stoodStill = nowMs - this.#lastTickMs > 2 * TICK_MS;
    this.#lastTickMs = nowMs;
    const beat = nowMs - this.#lastBeatMs >= HEARTBEAT_MS;
    if (beat) this.#lastBeatMs = nowMs;
    const serverAt = new Date().toISOString();
    for (const link of this.#links) {
      // It was this process that was silent: what the peers sent meanwhile is still unread.
      if (stoodStill) link.lastHeardMs = nowMs;
      if (nowMs - link.lastHeardMs > LOST_AFTER_MS) link.terminate();
      else if (beat) link.send({ kind: "heartbeat", serverAt });
    }
  }
}
