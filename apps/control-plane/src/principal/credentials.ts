/**
 * Invariants:
 * 1. What is kept is never older than FRESH_MS, so a revocation is in force everywhere after that time even if its notification is lost.
 * 2. A revocation that was heard of takes the entry away at once, and an answer that was asked for before it is not kept.
 * 3. At most LIMIT entries.
 */
import type { Clock } from "@evenkeel/kit/clock";
import type { Listener } from "@evenkeel/kit/notify";
import type { Caller } from "../http/index.ts";
import { secretDigest } from "./secret.ts";
import { TOKEN_CHANNEL } from "./store.ts";

const FRESH_MS = 900;
const LIMIT = 10_000;

export interface CallerCacheDeps {
  readonly find: (digest: string) => Promise<Caller | null>;
  readonly listener: Listener;
  readonly clock: Clock;
}

/** Finds who has a secret, without asking the database for each request. */
export function cachedCallers({ find, listener, clock }: CallerCacheDeps): {
  findBySecret(secret: string): Promise<Caller | null>;
  forget(digest: string): void;
} {
  const kept = new Map<string, { caller: Caller; askedMs: number }>();
  let revocations = 0;
  const forget = (digest: string | null): void => {
    revocations += 1;
    if (digest === null) kept.clear();
    else kept.delete(digest);
  };
  listener.on(TOKEN_CHANNEL, forget);
  const findBySecret = async (secret: string): Promise<Caller | null> => {
    const digest = secretDigest(secret);
    const askedMs = clock.monotonicMs();
    const known = kept.get(digest);
    if (known !== undefined && askedMs - known.askedMs < FRESH_MS) return known.caller;
    const seen = revocations;
    const caller = await find(digest);
    kept.delete(digest);
    if (caller !== null && seen === revocations) kept.set(digest, { caller, askedMs });
    if (kept.size > LIMIT) kept.delete(kept.keys().next().value!);
    return caller;
  };
  return { findBySecret, forget };
}
