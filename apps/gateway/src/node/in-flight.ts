/** Something in flight: it knows its place among the others, and can be ended by order. */
export interface Flying {
  place: number;
  cut(): void;
}

/**
 * What is in flight on one instance. No Set: each of its tables, and it takes a new one every few dozen requests, names the next, so that one
 * that has grown old keeps all that ever flew after it until the old space is collected.
 */
export class InFlight {
  readonly #all: Flying[] = [];

  get size(): number {
    return this.#all.length;
  }

  add(one: Flying): void {
    one.place = this.#all.length;
    this.#all.push(one);
  }

  delete(one: Flying): void {
    const { place } = one;
    if (this.#all[place] !== one) return;
    const last = this.#all.pop() as Flying;
    if (last === one) return;
    last.place = place;
    this.#all[place] = last;
  }

  cut(): void {
    for (const one of [...this.#all]) one.cut();
  }
}
