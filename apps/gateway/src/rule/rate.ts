import { hash } from "node:crypto";
import type { RateLimit } from "@evenkeel/contracts/traffic-rule";

interface Count {
  period: number;
  now: number;
  before: number;
}

// Keys are the client's word: how many are remembered must stay bounded, and how long each is.
const REMEMBERED_KEYS = 100_000;

/** So many requests in any stretch of the period, by key: this period's, and of the last one the share that still reaches into the stretch. HAProxy counts so too. */
export class RateCounter {
  readonly #limit: RateLimit;
  readonly #counts = new Map<string, Count>();

  constructor(limit: RateLimit) {
    this.#limit = limit;
  }

  /** Counts a request; false = it is one too many, and not counted. */
  take(key: string, nowMs: number): boolean {
    const periodMs = this.#limit.perSeconds * 1000;
    const period = Math.floor(nowMs / periodMs);
    const count = this.#countOf(shortened(key), period);
    const left = 1 - (nowMs - period * periodMs) / periodMs;
    if (count.now + count.before * left >= this.#limit.requests) return false;
    count.now += 1;
    return true;
  }

  /** How long until one more would be counted, where no other comes meanwhile. */
  waitMs(key: string, nowMs: number): number {
    const { requests, perSeconds } = this.#limit;
    const periodMs = perSeconds * 1000;
    const period = Math.floor(nowMs / periodMs);
    const { now, before } = this.#countOf(shortened(key), period);
    // This period's count is enough alone: it has to become the last one's, and so much of it to leave the stretch.
    const [count, room, from] = now >= requests ? [now, requests, period + 1] : [before, requests - now, period];
    const leavesAt = (from + Math.max(0, 1 - room / count)) * periodMs;
    return Math.max(0, leavesAt - nowMs);
  }

  #countOf(key: string, period: number): Count {
    let count = this.#counts.get(key);
    if (count === undefined) {
      count = { period, now: 0, before: 0 };
      if (this.#counts.size >= REMEMBERED_KEYS) this.#forgetOldest();
      this.#counts.set(key, count);
    }
    if (count.period !== period) {
      count.before = count.period === period - 1 ? count.now : 0;
      count.now = 0;
      count.period = period;
      // Who was here lately is forgotten last: strangers must not wash away what others have used up.
      this.#counts.delete(key);
      this.#counts.set(key, count);
    }
    return count;
  }

  #forgetOldest(): void {
    const [oldest] = this.#counts.keys();
    if (oldest !== undefined) this.#counts.delete(oldest);
  }
}

/** A part of a header would keep the whole of it in memory, however short it is itself. */
const shortened = (key: string): string => (key === "" ? key : hash("sha256", key, "base64url"));
