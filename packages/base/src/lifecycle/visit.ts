/**
 * The code of one version of a module as others enter it: counts who is inside, so that a drain knows when the last has left.
 *
 * 1. Who was let in is let out by the same visit, whatever has been published since: a call ends on the version it began on.
 * 2. `inFlight` is a plain field, raised and lowered where a call is forwarded: a method of its own would cost a third of the call.
 */
export class Visits {
  inFlight = 0;
  calls = 0;
  errors = 0;
  #empty: (() => void) | null = null;

  /** Whether somebody waits for the last to leave. */
  get awaited(): boolean {
    return this.#empty !== null;
  }

  /** Is called by whoever has lowered `inFlight`, where that is awaited. */
  left(): void {
    if (this.inFlight > 0) return;
    this.#empty?.();
    this.#empty = null;
  }

  /** Waits until nobody is inside, at most so long; answers how many are. */
  async drained(withinMs: number): Promise<number> {
    if (this.inFlight === 0) return 0;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs);
    });
    const empty = new Promise<void>((resolve) => {
      this.#empty = resolve;
    });
    await Promise.race([empty, late]);
    clearTimeout(timer);
    this.#empty = null;
    return this.inFlight;
  }
}
