import type { InstanceUsage } from "@evenkeel/contracts/agent-protocol";
import type { HostFacts } from "@evenkeel/contracts/host";

const WRITE_EVERY_MS = 60_000;
const SKEW_SAMPLES = 15;

export interface HostTelemetry {
  readonly facts: HostFacts | null;
  readonly clockSkewMs: number | null;
}

/** What a host tells of itself, in memory; written to the database on connect and once a minute. */
export class HostReadings {
  readonly #skews: number[] = [];
  #facts: HostFacts | null = null;
  /** As of its last full beat. */
  usage: readonly InstanceUsage[] = [];
  #writtenMs: number | null = null;

  get current(): HostTelemetry {
    // A message is only ever late: the largest of the differences is the nearest to the truth.
    return { facts: this.#facts, clockSkewMs: this.#skews.length === 0 ? null : Math.max(...this.#skews) };
  }

  take(sentAt: string, receivedMs: number, facts: HostFacts | undefined): void {
    this.#skews.push(Date.parse(sentAt) - receivedMs);
    if (this.#skews.length > SKEW_SAMPLES) this.#skews.shift();
    if (facts !== undefined) this.#facts = facts;
  }

  /** True at most once a minute, and for the first facts of a connection. */
  dueAt(nowMs: number): boolean {
    if (this.#facts === null) return false;
    if (this.#writtenMs !== null && nowMs - this.#writtenMs < WRITE_EVERY_MS) return false;
    this.#writtenMs = nowMs;
    return true;
  }
}
