import type { ServiceId } from "@evenkeel/contracts/id";
import { Counter } from "../statistics.ts";
import { pick } from "./balance.ts";
import type { Instance } from "./instance.ts";

// A client that keeps asking while there is nobody to answer must not fill the memory.
const MAX_PARKED = 10_000;

/** A service as the table in force has it; the same object through all tables, so that what waits for it finds the next. */
export class Service {
  readonly id: ServiceId;
  readonly responseTimeoutMs: number;
  /** For requests that found no instance. */
  readonly counter: Counter;
  name = "";
  parkMs = 0;
  instances: readonly Instance[] = [];
  readonly #parked = new Set<() => void>();

  constructor(id: ServiceId, responseTimeoutMs: number) {
    this.id = id;
    this.responseTimeoutMs = responseTimeoutMs;
    this.counter = new Counter(id, null, "");
  }

  choose(tried: readonly Instance[]): Instance | null {
    return pick(this.instances, tried);
  }

  /** Calls back when the table has changed, or when the time is over; false when too many wait already. */
  park(waitMs: number, wake: () => void): boolean {
    if (this.#parked.size >= MAX_PARKED) return false;
    const wakeOnce = (): void => {
      clearTimeout(timer);
      if (this.#parked.delete(wakeOnce)) wake();
    };
    const timer = setTimeout(wakeOnce, waitMs);
    this.#parked.add(wakeOnce);
    return true;
  }

  /** Lets those who wait look again. */
  wake(): void {
    for (const wakeOnce of [...this.#parked]) wakeOnce();
  }
}
