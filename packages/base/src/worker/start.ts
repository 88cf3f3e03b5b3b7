// What a thread is told first: the module that it is to run. One that is kept ready for later stays behind all others until then.
import { once } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import { ownThreadId, placeOf } from "./priority.ts";
import type { WorkerStart } from "./wire.ts";

/** What a thread is made with. */
export interface ThreadSeed {
  /** Nobody waits for it. */
  readonly spare: boolean;
}

export const port = parentPort as NonNullable<typeof parentPort>;

export const started: Promise<WorkerStart> = once(port, "message").then(([start]) => {
  place?.comeForward();
  return start as WorkerStart;
});

const place = (workerData as ThreadSeed).spare ? placeOf(ownThreadId()) : null;
place?.stepBack();
