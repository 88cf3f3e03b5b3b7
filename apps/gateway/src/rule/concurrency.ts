import type { Concurrency } from "@evenkeel/contracts/traffic-rule";

/** Called once: true = go ahead, and give the place back; false = it waited too long. */
type Turn = (mayGo: boolean) => void;

/** So many at once; those beyond it wait in a line, first come, first served. */
export class Places {
  readonly #limit: Concurrency;
  #taken = 0;
  readonly #line: Turn[] = [];

  constructor(limit: Concurrency) {
    this.#limit = limit;
  }

  /** Calls back at once or later; the result takes the caller out of the line. */
  ask(turn: Turn): () => void {
    if (this.#taken < this.#limit.requests) {
      this.#taken += 1;
      turn(true);
      return () => undefined;
    }
    if (this.#line.length >= this.#limit.queue) {
      turn(false);
      return () => undefined;
    }
    const leave = (): boolean => {
      clearTimeout(timer);
      const index = this.#line.indexOf(waiting);
      if (index !== -1) this.#line.splice(index, 1);
      return index !== -1;
    };
    const waiting: Turn = (mayGo) => {
      clearTimeout(timer);
      turn(mayGo);
    };
    const timer = setTimeout(() => leave() && turn(false), this.#limit.queueMs);
    this.#line.push(waiting);
    return leave;
  }

  get waiting(): number {
    return this.#line.length;
  }

  giveBack(): void {
    const next = this.#line.shift();
    // The place goes from hand to hand.
    if (next === undefined) this.#taken -= 1;
    else next(true);
  }
}
