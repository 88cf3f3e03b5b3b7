import { Histogram } from "./histogram.ts";
import {
  type Counts,
  type Failure,
  type FailureKind,
  KINDS,
  type Kind,
  type LoadReport,
  type LoadSnapshot,
  type Second,
  type Window,
} from "./report.ts";

const KEPT_FAILURES = 20;

/** A request that has ended without its answer. */
export interface Lost {
  readonly kind: FailureKind;
  readonly error: string;
  readonly sentAt: Date;
}

class Count {
  #requests = 0;
  #failed = 0;
  readonly #byVersion = new Map<string, number>();
  readonly #latency = new Histogram();

  ok(version: string, latencyMs: number): void {
    this.#requests += 1;
    this.#byVersion.set(version, (this.#byVersion.get(version) ?? 0) + 1);
    this.#latency.add(latencyMs);
  }

  failed(): void {
    this.#requests += 1;
    this.#failed += 1;
  }

  get counts(): Counts {
    return {
      requests: this.#requests,
      failed: this.#failed,
      byVersion: Object.fromEntries(this.#byVersion),
      p50Ms: this.#latency.quantileMs(0.5),
      p99Ms: this.#latency.quantileMs(0.99),
    };
  }
}

/** Keeps the books of one load. */
export class Tally {
  readonly #startedAt = performance.now();
  readonly #all = new Count();
  #second = new Count();
  #window: { name: string; fromMs: number; count: Count } = { name: "start", fromMs: 0, count: new Count() };
  readonly #windows: Window[] = [];
  readonly #timeline: Second[] = [];
  readonly #failures: Failure[] = [];
  readonly #failuresByKind = new Map<FailureKind, number>();
  readonly #byKind = new Map<Kind, { ok: number; failed: number }>(KINDS.map((kind) => [kind, { ok: 0, failed: 0 }]));
  readonly #keptFailures: number;
  sent = 0;
  inFlight = 0;

  constructor(keptFailures = KEPT_FAILURES) {
    this.#keptFailures = keptFailures;
  }

  elapsedMs(): number {
    return Math.round(performance.now() - this.#startedAt);
  }

  ok(request: Kind, version: string, latencyMs: number): void {
    for (const count of [this.#all, this.#second, this.#window.count]) count.ok(version, latencyMs);
    const kind = this.#byKind.get(request);
    if (kind) kind.ok += 1;
  }

  failed(request: Kind, { kind, error, sentAt }: Lost): void {
    for (const count of [this.#all, this.#second, this.#window.count]) count.failed();
    const byKind = this.#byKind.get(request);
    if (byKind) byKind.failed += 1;
    this.#failuresByKind.set(kind, (this.#failuresByKind.get(kind) ?? 0) + 1);
    if (this.#failures.length >= this.#keptFailures) return;
    const at = new Date().toISOString();
    this.#failures.push({ at, sentAt: sentAt.toISOString(), elapsedMs: this.elapsedMs(), kind, request, error });
  }

  /** Ends the window that runs and begins one with this name. */
  mark(name: string): void {
    this.#closeWindow();
    this.#window = { name, fromMs: this.elapsedMs(), count: new Count() };
  }

  #closeWindow(): void {
    const { name, fromMs, count } = this.#window;
    this.#windows.push({ name, fromMs, toMs: this.elapsedMs(), ...count.counts });
  }

  /** Ends the second that runs. */
  tick(): Second {
    const second = { second: this.#timeline.length, ...this.#second.counts };
    this.#timeline.push(second);
    this.#second = new Count();
    return second;
  }

  snapshot(): LoadSnapshot {
    const counts = this.#all.counts;
    return {
      elapsedMs: this.elapsedMs(),
      sent: this.sent,
      ok: counts.requests - counts.failed,
      inFlight: this.inFlight,
      byKind: Object.fromEntries(this.#byKind) as LoadSnapshot["byKind"],
      ...counts,
    };
  }

  report(): LoadReport {
    this.#closeWindow();
    this.tick();
    return {
      ...this.snapshot(),
      failures: this.#failures,
      failuresByKind: Object.fromEntries(this.#failuresByKind),
      timeline: this.#timeline,
      windows: this.#windows,
    };
  }
}
