import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type { ProcessRecord } from "@evenkeel/agent-core/shim";
import { type Problem, problemOf } from "@evenkeel/contracts/error";
import type { HealthCheck } from "@evenkeel/contracts/service";
import { isAlive } from "@evenkeel/kit/process-identity";
import type { HealthProbe, Probe } from "./health.ts";

// 1. A life is watched from its exec to its end by one loop; after `leave` the loop says nothing more.
// 2. Three failures in a row make a healthy instance unhealthy, one success makes it healthy again.

const FAILURES_UNTIL_UNHEALTHY = 3;
const FIRST_PAUSE_MS = 40;
const STARTING_PAUSE_MS = 100;
const SLOW_START_PAUSE_MS = 500;
const SLOW_START_AFTER_MS = 15_000;
const PROBE_TIMEOUT_MS = 5000;
const EXIT_CODE_WAIT_MS = 1000;

/** How a process ended; an adopted one's exit code is not known. */
export interface Death {
  readonly exit: string;
  readonly code: number | null;
  readonly signal?: NodeJS.Signals;
  readonly livedMs: number;
}

export interface LifeOptions {
  readonly record: ProcessRecord;
  readonly child: ChildProcess | null;
  readonly probe: HealthProbe;
  readonly health: HealthCheck;
  /** It was healthy when an earlier agent looked. */
  readonly wasHealthy: boolean;
  /** Why it does not count as healthy yet, though it answers; null: nothing. */
  heldBack(): string | null;
  onJudged(state: "healthy" | "unhealthy", problem: Problem | null): void;
  onDeath(death: Death): void;
}

/** One stretch of a process, from exec to end. */
export class Life {
  readonly record: ProcessRecord;
  health: HealthCheck;
  /** Moment of the first of the successes in a row, on the clock of `performance.now()`. */
  healthySince: number | null = null;
  /** Since when somebody else's socket answers. */
  foreignSince: number | null = null;
  lastProbe: Probe | null = null;
  /** Somebody waits for its health: look often. */
  watchers = 0;
  readonly #options: LifeOptions;
  readonly #startedAt = performance.now();
  readonly #wake = new AbortController();
  readonly #exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }> | null;
  #judged: "starting" | "healthy" | "unhealthy";
  #failures = 0;
  #left = false;

  constructor(options: LifeOptions) {
    this.#options = options;
    this.record = options.record;
    this.health = options.health;
    this.#judged = options.wasHealthy ? "healthy" : "starting";
    const { child } = options;
    this.#exit =
      child === null
        ? null
        : new Promise((resolve) => {
            const done = (code: number | null, signal: NodeJS.Signals | null): void => {
              this.#wake.abort();
              resolve({ code, signal });
            };
            if (child.exitCode !== null || child.signalCode !== null) done(child.exitCode, child.signalCode);
            else child.once("exit", done);
            child.unref();
          });
  }

  /** Watches until the process ends or `leave` is called. */
  async watch(): Promise<void> {
    while (!this.#left) {
      if (!isAlive(this.record)) {
        const death = await this.#readDeath();
        if (!this.#left) this.#options.onDeath(death);
        return;
      }
      const probe = this.#withHeld(await this.#options.probe.ask(this.health, this.#probeTimeoutMs()));
      if (this.#left) return;
      if (isAlive(this.record)) this.#judge(probe);
      await sleep(this.#pauseMs(), undefined, { signal: this.#wake.signal, ref: false }).catch(() => undefined);
    }
  }

  /** Ends the watch; what the process does from here on is somebody else's concern. */
  leave(): void {
    this.#left = true;
    this.#wake.abort();
  }

  get alive(): boolean {
    return isAlive(this.record);
  }

  #withHeld(probe: Probe): Probe {
    const problem = probe.kind === "healthy" ? this.#options.heldBack() : null;
    return problem === null ? probe : { kind: "not-yet", problem };
  }

  #judge(probe: Probe): void {
    this.lastProbe = probe;
    const now = performance.now();
    this.foreignSince = probe.kind === "not-ours" ? (this.foreignSince ?? now) : null;
    if (probe.kind === "healthy") {
      this.#failures = 0;
      this.healthySince ??= now;
      if (this.#judged !== "healthy") this.#tell("healthy", null);
      return;
    }
    this.healthySince = null;
    this.#failures += 1;
    if (this.#judged === "healthy" && this.#failures >= FAILURES_UNTIL_UNHEALTHY)
      this.#tell("unhealthy", problemOf("INSTANCE_UNHEALTHY", { problem: describeProbe(probe) }));
  }

  #tell(state: "healthy" | "unhealthy", problem: Problem | null): void {
    this.#judged = state;
    this.#options.onJudged(state, problem);
  }

  #probeTimeoutMs(): number {
    return Math.max(1000, Math.min(PROBE_TIMEOUT_MS, this.health.intervalSeconds * 1000));
  }

  #pauseMs(): number {
    const intervalMs = this.health.intervalSeconds * 1000;
    if (this.#judged !== "starting") return this.watchers > 0 ? Math.min(STARTING_PAUSE_MS, intervalMs) : intervalMs;
    const age = performance.now() - this.#startedAt;
    if (age > SLOW_START_AFTER_MS) return Math.min(intervalMs, SLOW_START_PAUSE_MS);
    return age < 1000 ? FIRST_PAUSE_MS : STARTING_PAUSE_MS;
  }

  async #readDeath(): Promise<Death> {
    const livedMs = performance.now() - this.#startedAt;
    const unknown = { code: null, signal: null };
    const { code, signal } =
      this.#exit === null
        ? unknown
        : await Promise.race([this.#exit, sleep(EXIT_CODE_WAIT_MS, unknown, { ref: false })]);
    if (signal !== null) return { exit: `signal ${signal}`, code: null, signal, livedMs };
    return { exit: code === null ? "an exit code that nobody saw" : `exit code ${code}`, code, livedMs };
  }
}

/** What a look at the health found, in words. */
export function describeProbe(probe: Probe | null): string {
  if (probe === null) return "not asked yet";
  if (probe.kind === "healthy") return "healthy";
  return probe.kind === "not-ours" ? `the port is answered by ${probe.holder.text}` : probe.problem;
}
