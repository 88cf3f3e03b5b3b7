import type { Outcome } from "@evenkeel/contracts/agent-protocol";
import type { Plan } from "@evenkeel/contracts/change-plan";
import type { ChangeState, StepState, TargetState } from "@evenkeel/contracts/change-state";
import type { Problem } from "@evenkeel/contracts/error";
import type { GuardOutcome } from "@evenkeel/contracts/guard";
import type { ChangeId, CommandId, HostId, StepId } from "@evenkeel/contracts/id";

export type Phase = "opening" | "stage" | "run" | "clean" | "re-attach" | "closing";

/** Tracks that belong to the change as a whole; no target may have these names. */
export const OPENING = "$opening";
export const CLOSING = "$closing";

/** One attempt of a planned step. */
export interface StepAttempt {
  readonly id: StepId;
  readonly targetId: string;
  readonly phase: Phase;
  readonly name: string;
  readonly attempt: number;
  /** The round of its target in which it was issued; a retry begins a new round. */
  readonly round: number;
  readonly state: StepState;
  readonly commandId: CommandId | null;
  readonly revoking: boolean;
  readonly elapsedMs: number;
  readonly outcome: Outcome | null;
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface TargetSnapshot {
  readonly targetId: string;
  readonly state: TargetState;
  readonly round: number;
  /** Steps from this index of stage + steps on must succeed in the present round. */
  readonly fromIndex: number;
  /** Skipped, and what runs there is to get its traffic back. */
  readonly reattach: boolean;
  readonly problem: Problem | null;
}

export interface BatchSnapshot {
  readonly batchId: string;
  readonly confirmed: boolean;
  readonly bakedMs: number;
  readonly started: boolean;
  readonly finished: boolean;
  /** For how long guards have watched it. */
  readonly watchedMs: number;
}

/** What a guard has found at a batch, or asks about it. */
export interface VerdictSnapshot {
  readonly batchId: string;
  readonly guard: number;
  readonly when: "before" | "after";
  readonly outcome: GuardOutcome | null;
  readonly final: boolean;
  readonly looks: number;
  /** Somebody outside was asked, and this is how long the answer takes. */
  readonly asking: boolean;
  readonly elapsedMs: number;
  /** Where a pending answer is asked for. */
  readonly statusUrl: string | null;
  readonly text: string;
  /** A person went on in spite of it. */
  readonly overruled: boolean;
}

/** `targets`: those in hand go on to their end; `steps`: only the steps in hand. */
export type PauseMode = "targets" | "steps";
/** `budget`: what the strategy allows is spent, be it failures or time; it ends as failed. */
export type PauseCause = "person" | "guard" | "budget";

/** A change as the worker decides on it: read under the lock of its row. */
export interface Snapshot {
  readonly changeId: ChangeId;
  readonly state: ChangeState;
  readonly plan: Plan;
  readonly isRollback: boolean;
  readonly pauseMode: PauseMode;
  readonly pauseCause: PauseCause;
  /** For how long the change has got no further than its mark says. */
  readonly idle: { readonly mark: string | null; readonly ms: number };
  /** The state of the change that rolls this one back, once there is one. */
  readonly rollback: { readonly id: ChangeId; readonly state: ChangeState } | null;
  readonly targets: ReadonlyMap<string, TargetSnapshot>;
  readonly batches: ReadonlyMap<string, BatchSnapshot>;
  readonly attempts: readonly StepAttempt[];
  readonly verdicts: readonly VerdictSnapshot[];
}

/** What the worker sees of hosts: `away` = not connected now, `lost` = for longer than the grace. */
export interface HostView {
  away(hostId: HostId): boolean;
  lost(hostId: HostId): boolean;
}
