import { Worker } from "node:worker_threads";
import { runAsBase } from "../owner/owner.ts";
import { programFile } from "../program-file.ts";
import type { ThreadSeed } from "./start.ts";

const PROGRAM = programFile("thread", import.meta.url);
const HARD_HEAP_MB = 512;

/** Threads for modules. One is kept ready, because to start one and load the loader takes longer than to load most modules. */
export class SpareThread {
  #spare: Worker | null = null;
  #closed = false;

  /** A thread that waits for what it is to run; its heap cap is at least four times the limit of the module. */
  take(limitMb: number): Worker {
    const spare = this.#spare;
    if (spare === null || 4 * limitMb > HARD_HEAP_MB)
      return start(Math.max(HARD_HEAP_MB, 4 * limitMb), { spare: false });
    this.#spare = null;
    spare.removeAllListeners();
    spare.ref();
    return spare;
  }

  /** Makes one ready, where there is none. */
  fill(): void {
    if (this.#closed || this.#spare !== null) return;
    const spare = start(HARD_HEAP_MB, { spare: true });
    spare.unref();
    const gone = (): void => {
      if (this.#spare === spare) this.#spare = null;
    };
    spare.once("error", gone);
    spare.once("exit", gone);
    this.#spare = spare;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#spare?.terminate();
  }
}

// Left out, the young generation alone may take 192 MB.
const start = (heapMb: number, workerData: ThreadSeed): Worker => {
  const resourceLimits = { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: 32 };
  return runAsBase(() => new Worker(PROGRAM, { workerData, resourceLimits }));
};
