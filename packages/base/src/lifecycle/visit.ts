/**
 * The code of one version of a module as others enter it: counts who is inside, so that a drain knows when the last has left.
 *
 * 1. Who was let in is let out by the same visit, whatever has been published since: a call ends on the version it began on.
 * 2. A call through a reference is counted once it has left the stack with a promise (`service/reference.ts`); so a drain first lets the turn end
 *    in which it was asked for, which may be in the middle of such a call.
 * 3. Between two turns of the loop nobody is on the stack. An interruption tears off what stood there, `finally` included: `unwound` lets those out.
 * 4. Whoever waits for a promise of the module hears of it or of the end of the module, never of nothing.
 */
export class Visits {
  /** Calls on the stack. */
  inside = 0;
  /** Requests that are not answered, and calls that have left the stack with a promise. */
  pending = 0;
  errors = 0;
  #empty: (() => void) | null = null;
  readonly #waiting = new Set<(error: unknown) => void>();

  get inFlight(): number {
    return this.inside + this.pending;
  }

  /** Whether somebody waits for the last to leave. */
  get awaited(): boolean {
    return this.#empty !== null;
  }

  /** Is called by whoever has lowered a count, where that is awaited. */
  left(): void {
    if (this.inFlight > 0) return;
    this.#empty?.();
    this.#empty = null;
  }

  /** The stack is empty. */
  unwound(): void {
    if (this.inside === 0) return;
    this.inside = 0;
    this.left();
  }

  /** A call leaves the stack with this promise: it is in flight until that settles or `cut` ends it. */
  follow<Result>(result: Promise<Result>, settled: (failed: boolean) => void): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    this.pending += 1;
    const end = (failed: boolean): boolean => {
      if (!this.#waiting.delete(fail)) return false;
      settled(failed);
      if (--this.pending === 0 && this.awaited) this.left();
      return true;
    };
    const fail = (error: unknown): void => {
      if (end(true)) reject(error);
    };
    this.#waiting.add(fail);
    result.then((value) => {
      if (end(false)) resolve(value);
    }, fail);
    return promise;
  }

  /** Tells all who wait for a promise that none will come. */
  cut(error: unknown): void {
    for (const fail of this.#waiting) fail(error);
  }

  /** Waits until nobody is inside, at most so long; answers how many are. */
  async drained(withinMs: number): Promise<number> {
    await Promise.resolve();
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
