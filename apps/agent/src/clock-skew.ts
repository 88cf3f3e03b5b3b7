/** Beyond this the two clocks are told apart from the way that a message takes, in ms. */
const FAR_MS = 5000;

/** How far this host's clock is from the control plane's, by the last message that told the time there; evidence, nothing is decided by it. */
export class ClockSkew {
  #skewMs = 0;

  /** Hears an order of the control plane. */
  hear(order: unknown): void {
    if (typeof order !== "object" || order === null || !("serverAt" in order)) return;
    const serverAt = Date.parse(String(order.serverAt));
    if (Number.isFinite(serverAt)) this.#skewMs = Math.round(Date.now() - serverAt);
  }

  /** In ms, ahead is positive; null = near enough. */
  far(): number | null {
    return Math.abs(this.#skewMs) > FAR_MS ? this.#skewMs : null;
  }
}
