/**
 * 1. Samples wait here for FLUSH_MS at most, and LIMIT of them: measurements may be lost with the process, and never hold it up.
 * 2. One insert is under way at a time.
 */
import type { ReplicaLease } from "@evenkeel/kit/lease";
import type { Log } from "@evenkeel/kit/log";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { type GatewaySample, insertSamples, keepPartitions, rollUp } from "./store/index.ts";

export interface RecorderOptions {
  readonly db: Kysely<Database>;
  readonly lease: ReplicaLease;
  readonly log: Log;
}

const FLUSH_MS = 500;
const MAINTAIN_MS = 15_000;
const LIMIT = 20_000;

/** Writes what gateways count, in batches, and keeps the tables short. */
export class SampleRecorder {
  readonly #options: RecorderOptions;
  readonly #timers: NodeJS.Timeout[];
  #waiting: GatewaySample[] = [];
  #work: Promise<void> = Promise.resolve();

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#timers = [
      setInterval(() => this.#queue(() => this.#flush()), FLUSH_MS),
      setInterval(() => this.#queue(() => this.#maintain()), MAINTAIN_MS),
    ];
    this.#queue(() => this.#maintain());
  }

  add(samples: readonly GatewaySample[]): void {
    this.#waiting.push(...samples.slice(0, LIMIT - this.#waiting.length));
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#queue(() => this.#flush());
    await this.#work;
  }

  #queue(job: () => Promise<void>): void {
    this.#work = this.#work
      .then(job)
      .catch((error: unknown) => this.#options.log.warn({ err: error }, "samples could not be kept"));
  }

  async #flush(): Promise<void> {
    if (this.#waiting.length === 0) return;
    const samples = this.#waiting;
    this.#waiting = [];
    await insertSamples(this.#options.db, samples);
  }

  async #maintain(): Promise<void> {
    const { db, lease } = this.#options;
    if (!lease.held) return;
    await keepPartitions(db);
    await rollUp(db);
  }
}
