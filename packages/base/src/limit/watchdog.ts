import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { runAsBase } from "../owner/owner.ts";
import { programFile } from "../program-file.ts";
import { closeGuard, openGuard } from "./guard.ts";
import { type Policy, paceMs } from "./pace.ts";

export interface WatchdogStart {
  readonly beats: SharedArrayBuffer;
  readonly mayTerminate: boolean;
  readonly stuckMs: number | null;
}

export interface WatchdogOrder {
  readonly policy: Policy;
}

/** What held the loop. */
export interface Suspicion {
  /** `name@version`; null: the base itself, or code that shows no frame. */
  readonly module: string | null;
  readonly frame: string;
  readonly blockedMs: number;
  /** The loop runs again. */
  readonly over: boolean;
  /** All modules that stood on the stack. */
  readonly onStack: readonly string[];
  /** How: by itself, by an interruption that its callers were told of, or torn off the stack, and nobody was told. */
  readonly end: "by itself" | "told" | "torn off";
}

export interface WatchdogOptions {
  /** The process is ended when its loop has stood still for so long; null: never. */
  readonly stuckSeconds: number | null;
  readonly suspect: (suspicion: Suspicion) => void;
  /** A SIGINT has come that the watchdog did not send. */
  readonly interrupted: () => void;
}

/** With it a termination by V8 leaves the process alive. */
const TERMINATION_FLAG = "--no-force-async-hooks-checks";

/** Two threads that watch the loop of this one. */
export class Watchdog {
  /** The beat, how deep and inside whom the process is (guard.ts), and whether the watchdog has interrupted it. */
  readonly #shared = new SharedArrayBuffer(16);
  readonly #beats = new Int32Array(this.#shared);
  readonly #holding = new Int32Array(new SharedArrayBuffer(4));
  readonly #options: WatchdogOptions;
  readonly #threads: Worker[] = [];
  #beating: NodeJS.Timeout | null = null;
  #policy: Policy = {};

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    await runAsBase(async () => {
      const { stuckSeconds } = this.#options;
      const start: WatchdogStart = {
        beats: this.#shared,
        mayTerminate: process.execArgv.includes(TERMINATION_FLAG),
        stuckMs: stuckSeconds === null ? null : stuckSeconds * 1000,
      };
      this.#beatEvery(paceMs(this.#policy));
      const watching = thread("watchdog-thread", start);
      const holding = thread("holder-thread", this.#holding.buffer);
      this.#threads.push(watching, holding);
      await Promise.all([once(watching, "message"), once(holding, "message")]);
      watching.on("message", (suspicion: Suspicion) => this.#options.suspect(suspicion));
      holding.on("message", () => this.#strayInterrupt());
      watching.postMessage({ policy: this.#policy } satisfies WatchdogOrder);
      for (const each of this.#threads) each.unref();
      if (process.listenerCount("SIGINT") === 0) openGuard(this.#beats.subarray(1, 3));
    });
  }

  #beatEvery(ms: number): void {
    if (this.#beating) clearInterval(this.#beating);
    this.#beating = setInterval(() => {
      Atomics.add(this.#beats, 0, 1);
    }, ms).unref();
  }

  follow(policy: Policy): void {
    if (this.#beating && paceMs(policy) !== paceMs(this.#policy)) runAsBase(() => this.#beatEvery(paceMs(policy)));
    this.#policy = policy;
    this.#threads[0]?.postMessage({ policy } satisfies WatchdogOrder);
  }

  // The watchdog's own signal may come a moment after the call has ended by itself.
  #strayInterrupt(): void {
    if (Atomics.exchange(this.#beats, 3, 0) === 0) this.#options.interrupted();
  }

  async close(): Promise<void> {
    closeGuard();
    if (this.#beating) clearInterval(this.#beating);
    Atomics.store(this.#holding, 0, 1);
    Atomics.notify(this.#holding, 0);
    await Promise.all(this.#threads.map((each) => each.terminate()));
  }
}

function thread(name: string, workerData: unknown): Worker {
  return new Worker(programFile(name, import.meta.url), {
    workerData,
    resourceLimits: { maxYoungGenerationSizeMb: 8 },
  });
}
