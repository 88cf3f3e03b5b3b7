// Whether the loop of a thread runs: it is asked, and answers when it comes to it.
//
// 1. One question at a time; the next one is put by whoever looks after the answer has come.
// 2. Both ends read the same monotonic clock, and an answer is heard before it is missed: that the base's own loop was late is not held against the thread.
import type { Profiler } from "node:inspector";
import { setImmediate, setTimeout } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import type { Calls } from "./wire.ts";

const SAMPLED_MS = 50;
const MOST_WAIT_MS = 2000;
const UNSEEN = "native code";

export class Pulse {
  readonly #calls: Calls;
  #askedAt: bigint | null = null;
  #answeredAfter = 0n;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** How long the thread has left the question of before unanswered, or had before it answered, in ms; asks the next one. */
  async heldMs(): Promise<number> {
    await setImmediate();
    const now = process.hrtime.bigint();
    if (this.#askedAt !== null) return Number(now - this.#askedAt) / 1e6;
    const held = this.#answeredAfter;
    this.#askedAt = now;
    this.#calls.call({ kind: "pulse" }).then(
      (at) => {
        this.#answeredAfter = (at as bigint) - now;
        this.#askedAt = null;
      },
      // The thread is gone, and this with it.
      () => undefined,
    );
    return Number(held) / 1e6;
  }
}

/** The function and line in which a thread spends its time, also while its loop stands still. */
export async function standsIn(worker: Worker): Promise<string> {
  const unseen = setTimeout(MOST_WAIT_MS, UNSEEN, { ref: false });
  return await Promise.race([sampled(worker).catch(() => UNSEEN), unseen]);
}

async function sampled(worker: Worker): Promise<string> {
  const handle = await worker.startCpuProfile();
  await setTimeout(SAMPLED_MS);
  const { nodes } = JSON.parse(await handle.stop()) as Profiler.Profile;
  const own = nodes.filter(({ callFrame }) => callFrame.url.startsWith("module:"));
  const [most] = own.sort((one, other) => (other.hitCount ?? 0) - (one.hitCount ?? 0));
  if (most === undefined) return UNSEEN;
  const { functionName, url, lineNumber } = most.callFrame;
  const ticks = [...(most.positionTicks ?? [])].sort((one, other) => other.ticks - one.ticks);
  return `${functionName || "(anonymous)"} (${url}:${ticks[0]?.line ?? lineNumber + 1})`;
}
