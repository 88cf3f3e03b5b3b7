// Buckets grow by 4 %: a percentile read from them is at most that much too high.
const SMALLEST_MS = 0.05;
const GROWTH = Math.log(1.04);
const BUCKETS = 400;

/** Counts of latencies, fine enough for percentiles, small enough to send each second. */
export class Histogram {
  readonly #counts = new Array<number>(BUCKETS).fill(0);
  #total = 0;

  add(latencyMs: number): void {
    const index = latencyMs <= SMALLEST_MS ? 0 : Math.ceil(Math.log(latencyMs / SMALLEST_MS) / GROWTH);
    const bucket = Math.min(BUCKETS - 1, index);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total += 1;
  }

  get total(): number {
    return this.#total;
  }

  /** Latency in ms below which this share of the requests stayed; null when there were none. */
  quantileMs(share: number): number | null {
    if (this.#total === 0) return null;
    let left = Math.ceil(this.#total * share);
    for (const [index, count] of this.#counts.entries()) {
      left -= count;
      if (left <= 0) return Number((SMALLEST_MS * Math.exp(GROWTH * index)).toPrecision(3));
    }
    return null;
  }
}
