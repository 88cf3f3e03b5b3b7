import { createHistogram } from "node:perf_hooks";

/** A look costs a wake-up: what holds the loop for less is seen by some of the looks only, as by those who wait. */
const EVERY_MS = 50;

/** How late the loop is with what is due, in ms. */
export interface LoopDelays {
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Looks at how late a timer of the loop is. */
export class LoopDelay {
  readonly #micros = createHistogram();
  #timer: NodeJS.Timeout | null = null;
  #dueAt = 0;

  open(): void {
    this.#dueAt = performance.now() + EVERY_MS;
    this.#timer = setInterval(() => this.#look(), EVERY_MS).unref();
  }

  #look(): void {
    const now = performance.now();
    this.#micros.record(Math.max(1, Math.round((now - this.#dueAt) * 1000)));
    this.#dueAt = now + EVERY_MS;
  }

  /** Since the last call. */
  take(): LoopDelays {
    if (this.#micros.count === 0) return { p99Ms: 0, maxMs: 0 };
    const delays = { p99Ms: this.#micros.percentile(99) / 1000, maxMs: this.#micros.max / 1000 };
    this.#micros.reset();
    return delays;
  }

  close(): void {
    if (this.#timer) clearInterval(this.#timer);
  }
}
