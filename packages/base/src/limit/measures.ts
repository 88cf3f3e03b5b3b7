import { MODULE_LATENCY_BOUNDS_MS as BOUNDS } from "@evenkeel/contracts/base-protocol";

/** Durations counted in buckets, so that a million take no more room than ten. */
class Histogram {
  readonly #counts = new Float64Array(BOUNDS.length);
  #whole = 0;

  add(ms: number): void {
    const index = ms <= 0.05 ? 0 : Math.min(BOUNDS.length - 1, Math.ceil(Math.log(ms / 0.05) / LOG_STEP));
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#whole += 1;
  }

  quantile(share: number): number {
    let left = this.#whole * share;
    for (const [index, count] of this.#counts.entries()) {
      left -= count;
      if (left <= 0 && this.#whole > 0) return BOUNDS[index] ?? 0;
    }
    return 0;
  }

  /** By bucket, without the zeros at the end. */
  counts(): number[] {
    return [...this.#counts.slice(0, this.#counts.findLastIndex((count) => count > 0) + 1)];
  }

  clear(): void {
    this.#counts.fill(0);
    this.#whole = 0;
  }
}

const LOG_STEP = Math.log(1.25);

/** What one version of a module has done since it was activated, and in the second that runs. */
export class Measures {
  requests = 0;
  errors = 0;
  throttled = 0;
  restarts = 0;
  /** Longest stretch that it held the loop, in ms. */
  blockMs = 0;
  cpuPercent = 0;
  /** As far as it is known: of an inline module what it ran where it was entered, or was seen in samples. */
  cpuMs = 0;
  heapBytes: number | null = null;
  readonly whole = new Histogram();
  readonly window = new Histogram();
  windowRequests = 0;
  windowErrors = 0;
  /** Time that it has run on the loop in this window, in ms. */
  windowBusyMs = 0;

  add(ms: number, failed: boolean): void {
    this.requests += 1;
    this.windowRequests += 1;
    this.whole.add(ms);
    this.window.add(ms);
    if (!failed) return;
    this.errors += 1;
    this.windowErrors += 1;
  }

  /** Begins the next window. */
  turn(): void {
    this.windowRequests = 0;
    this.windowErrors = 0;
    this.windowBusyMs = 0;
    this.window.clear();
  }
}
