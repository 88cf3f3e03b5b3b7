import type { Baseline, GuardOutcome } from "@evenkeel/contracts/guard";
import type { InstanceState } from "@evenkeel/contracts/service";

/** What one side did in one stretch of time, a second as a rule; requests that clients gave up do not count. */
export interface Cell {
  readonly requests: number;
  readonly failed: number;
  /** Counts per bucket of LATENCY_BOUNDS_MS, and one more. */
  readonly latency: readonly number[];
}

/** An instance as its agent last told of it. */
export interface InstanceReading {
  readonly host: string;
  readonly changed: boolean;
  /** Its agent is connected: what it told stands. */
  readonly online: boolean;
  readonly state: InstanceState;
  /** Since its target was changed. */
  readonly restarts: number;
  readonly memoryBytes: number | null;
  /** What the same place used before the change. */
  readonly memoryBytesBefore: number | null;
}

/** Everything that guards judge by. */
export interface Measured extends Readonly<Record<"changed" | Baseline, readonly Cell[]>> {
  /** Targets that were changed, by name; of each there should be a reading. */
  readonly targets: readonly string[];
  readonly instances: readonly InstanceReading[];
}

/** What the sides are called in front of people. */
export type Labels = Readonly<Record<"changed" | Baseline, string>>;

export interface Finding {
  readonly outcome: GuardOutcome;
  readonly text: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}
