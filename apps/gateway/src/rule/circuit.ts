import type { Circuit } from "@evenkeel/contracts/traffic-rule";

interface Second {
  readonly second: number;
  requests: number;
  failed: number;
}

type State =
  | { readonly kind: "closed" }
  | { readonly kind: "open"; readonly untilMs: number; readonly errorPercent: number }
  /** One request is let through to try. */
  | { readonly kind: "trying"; readonly sinceMs: number; readonly errorPercent: number };

/** Leaves a service alone for a while when too many of its last requests failed. */
export class CircuitBreaker {
  readonly #policy: Circuit;
  #seconds: Second[] = [];
  #state: State = { kind: "closed" };

  constructor(policy: Circuit) {
    this.#policy = policy;
  }

  get openSeconds(): number {
    return this.#policy.openSeconds;
  }

  /** Null = go ahead; else the share of failures that opened it. */
  refuses(nowMs: number): number | null {
    const state = this.#state;
    if (state.kind === "closed") return null;
    if (this.waitMs(nowMs) > 0) return state.errorPercent;
    this.#state = { kind: "trying", sinceMs: nowMs, errorPercent: state.errorPercent };
    return null;
  }

  /** How long until the next request may try. */
  waitMs(nowMs: number): number {
    const state = this.#state;
    if (state.kind === "closed") return 0;
    // One that tries and never comes back must not hold it open for ever.
    const due = state.kind === "open" ? state.untilMs : state.sinceMs + this.#policy.openSeconds * 1000;
    return Math.max(0, due - nowMs);
  }

  record(failed: boolean, nowMs: number): void {
    const state = this.#state;
    if (state.kind === "open") return;
    if (state.kind === "trying") {
      this.#seconds = [];
      this.#state = failed ? this.#opened(nowMs, state.errorPercent) : { kind: "closed" };
      return;
    }
    this.#count(failed, nowMs);
    const [requests, failures] = [this.#sum("requests"), this.#sum("failed")];
    const percent = (failures / requests) * 100;
    if (requests >= this.#policy.minimumRequests && percent >= this.#policy.errorPercent) {
      this.#seconds = [];
      this.#state = this.#opened(nowMs, Math.round(percent));
    }
  }

  #opened(nowMs: number, errorPercent: number): State {
    return { kind: "open", untilMs: nowMs + this.#policy.openSeconds * 1000, errorPercent };
  }

  #count(failed: boolean, nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    let last = this.#seconds.at(-1);
    if (last?.second !== second) {
      last = { second, requests: 0, failed: 0 };
      this.#seconds = [...this.#seconds.filter((one) => one.second > second - this.#policy.windowSeconds), last];
    }
    last.requests += 1;
    if (failed) last.failed += 1;
  }

  #sum(field: "requests" | "failed"): number {
    return this.#seconds.reduce((sum, second) => sum + second[field], 0);
  }
}
