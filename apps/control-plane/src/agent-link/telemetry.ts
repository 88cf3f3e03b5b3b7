import type { InstanceUsage } from "@evenkeel/contracts/agent-protocol";
import type { HostFacts } from "@evenkeel/contracts/host";

const WRITE_EVERY_MS = 60_000;
const SAMPLES = 15;

export interface HostTelemetry {
  readonly facts: HostFacts | null;
  readonly clockSkewMs: number | null;
}

/** What a host tells of itself, in memory; written to the database on connect and once a minute. */
export class HostReadings {
  /** How far the host's clock is ahead at least: a message takes time to come here, which makes it seem behind. */
  readonly #atLeastMs: number[] = [];
  /** How far it is ahead at most: our message takes time to go there, which makes it seem ahead. */
  readonly #atMostMs: number[] = [];
  #facts: HostFacts | null = null;
  /** As of its last full beat. */
  usage: readonly InstanceUsage[] = [];
  #writtenMs: number | null = null;

  get current(): HostTelemetry {
    return { facts: this.#facts, clockSkewMs: this.#clockSkewMs() };
  }

  take(beat: Beat, receivedMs: number): void {
    keep(this.#atLeastMs, Date.parse(beat.sentAt) - receivedMs);
    if (beat.clockAheadAtMostMs !== undefined) keep(this.#atMostMs, beat.clockAheadAtMostMs);
    if (beat.facts !== undefined) this.#facts = beat.facts;
  }

  /** True at most once a minute, and for the first facts of a connection. */
  dueAt(nowMs: number): boolean {
    if (this.#facts === null) return false;
    if (this.#writtenMs !== null && nowMs - this.#writtenMs < WRITE_EVERY_MS) return false;
    this.#writtenMs = nowMs;
    return true;
  }

  /** The least that both bounds leave, so that lateness, of one message or of all, is never a skew; null = not known. */
  #clockSkewMs(): number | null {
    const atLeast = Math.max(...this.#atLeastMs);
    if (atLeast > 0 && this.#atMostMs.length === 0) return atLeast;
    const atMost = Math.min(...this.#atMostMs);
    // A clock that was just set lies between neither, until the samples from before are gone.
    if (this.#atMostMs.length === 0 || atLeast > atMost) return null;
    return Math.min(Math.max(0, atLeast), atMost);
  }
}

interface Beat {
  readonly sentAt: string;
  readonly clockAheadAtMostMs?: number | undefined;
  readonly facts?: HostFacts | undefined;
}

function keep(samples: number[], sample: number): void {
  samples.push(sample);
  if (samples.length > SAMPLES) samples.shift();
}
