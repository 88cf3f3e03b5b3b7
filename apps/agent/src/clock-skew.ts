/** Beyond this the two clocks are told apart from the way that a message takes, in ms. */
const FAR_MS = 5000;
const SAMPLES = 15;

/** How far this host's clock is ahead of the control plane's at most, by the last messages that told the time there; evidence, nothing is decided by it. */
export class ClockSkew {
  readonly #heardMs: number[] = [];

  /** Hears an order of the control plane. */
  hear(order: unknown): void {
    if (typeof order !== "object" || order === null || !("serverAt" in order)) return;
    const serverAt = Date.parse(String(order.serverAt));
    if (!Number.isFinite(serverAt)) return;
    this.#heardMs.push(Math.round(Date.now() - serverAt));
    if (this.#heardMs.length > SAMPLES) this.#heardMs.shift();
  }

  /** In ms; a message is only ever late, so the smallest of the differences is the nearest to the truth. Null = nothing was heard. */
  atMostMs(): number | null {
    return this.#heardMs.length === 0 ? null : Math.min(...this.#heardMs);
  }

  /** In ms, ahead is positive; null = near enough. */
  far(): number | null {
    const skewMs = this.atMostMs();
    return skewMs !== null && Math.abs(skewMs) > FAR_MS ? skewMs : null;
  }
}
