import {
  type ChangeAction,
  type ChangeState,
  isTerminal,
  type StepState,
  type TargetState,
} from "@evenkeel/contracts/change-state";
import { say } from "@evenkeel/contracts/phrase";

type Arrows<State extends string> = Readonly<Record<State, readonly State[]>>;

/** Where a change may go from each state; what is not here cannot happen. */
export const CHANGE_ARROWS = {
  planned: ["planned", "awaiting-approval", "scheduled", "running", "cancelled", "expired"],
  "awaiting-approval": ["planned", "scheduled", "running", "cancelled", "expired"],
  scheduled: ["planned", "running", "cancelled", "expired"],
  running: ["awaiting-confirmation", "pausing", "succeeded", "failed", "cancelling", "rolling-back", "closed"],
  "awaiting-confirmation": ["running", "paused", "cancelling", "rolling-back", "closed"],
  pausing: ["paused", "failed", "running", "cancelling", "rolling-back", "closed"],
  paused: ["running", "cancelling", "rolling-back", "closed"],
  failed: ["running", "closed", "cancelling", "rolling-back"],
  cancelling: ["cancelled", "failed", "rolling-back", "closed"],
  "rolling-back": ["rolled-back", "failed", "closed"],
  succeeded: [],
  cancelled: [],
  "rolled-back": [],
  closed: [],
  expired: [],
} as const satisfies Arrows<ChangeState>;

/** Where a target may go. `running` from `unknown` is its late outcome, when there are steps left. */
export const TARGET_ARROWS = {
  pending: ["staging", "staged", "skipped", "offline"],
  staging: ["staged", "failed", "skipped", "offline", "interrupted", "unknown"],
  staged: ["running", "skipped", "offline"],
  running: ["succeeded", "failed", "interrupted", "unknown", "reverted"],
  failed: ["running", "staging", "skipped"],
  interrupted: ["running", "staging", "skipped"],
  unknown: ["running", "succeeded", "failed", "interrupted", "staging"],
  succeeded: [],
  skipped: [],
  offline: [],
  reverted: [],
} as const satisfies Arrows<TargetState>;

/** Where one attempt of a step may go; a retry is a new attempt, never an arrow back. */
export const STEP_ARROWS = {
  pending: ["dispatched", "running", "skipped"],
  dispatched: ["running", "revoked", "unknown", "succeeded", "failed", "timed-out", "interrupted"],
  running: ["succeeded", "failed", "timed-out", "interrupted", "unknown"],
  unknown: ["succeeded", "failed", "timed-out", "interrupted", "revoked"],
  succeeded: [],
  failed: [],
  "timed-out": [],
  interrupted: [],
  skipped: [],
  revoked: [],
} as const satisfies Arrows<StepState>;

/** Says whether an arrow is in the table. */
export function mayGo<State extends string>(arrows: Arrows<State>, from: State, to: State): boolean {
  return arrows[from].includes(to);
}

/** Targets whose fate in this change is settled, for now: nothing is in hand. */
export const SETTLED_TARGETS: readonly TargetState[] = [
  "succeeded",
  "failed",
  "skipped",
  "offline",
  "interrupted",
  "unknown",
  "reverted",
];
/** Targets that count against the failure budget. */
export const LOST_TARGETS: readonly TargetState[] = ["failed", "interrupted", "unknown"];
/** Targets that `retry` takes when none are named. */
export const RETRYABLE_TARGETS: readonly TargetState[] = ["failed", "interrupted"];

/** States before the start, in which its time may run out. */
export const NOT_STARTED: readonly ChangeState[] = ["planned", "awaiting-approval", "scheduled"];

/** States in which a worker has something to do. */
export const WORKED_STATES: readonly ChangeState[] = ["running", "pausing", "cancelling", "rolling-back", "scheduled"];

/** What each state offers; narrowed by facts in `allowedActions`. */
const OFFERED: Readonly<Record<ChangeState, readonly ChangeAction[]>> = {
  planned: ["start", "replan", "cancel"],
  "awaiting-approval": ["approve", "reject", "replan", "cancel"],
  scheduled: ["replan", "cancel"],
  running: ["pause", "confirm", "cancel", "rollback", "declare-lost", "close"],
  "awaiting-confirmation": ["confirm", "pause", "cancel", "rollback", "declare-lost", "close"],
  pausing: ["resume", "confirm", "cancel", "rollback", "declare-lost", "close"],
  paused: ["resume", "confirm", "retry", "skip", "cancel", "rollback", "declare-lost", "close"],
  failed: ["retry", "skip", "cancel", "rollback", "declare-lost", "close"],
  cancelling: ["rollback", "declare-lost", "close"],
  "rolling-back": ["declare-lost", "close"],
  succeeded: ["rollback"],
  cancelled: ["rollback"],
  "rolled-back": [],
  closed: ["rollback"],
  expired: [],
};

/** Facts of a change that narrow what its state offers. */
export interface ActionFacts {
  readonly state: ChangeState;
  readonly isRollback: boolean;
  readonly hasUnconfirmed: boolean;
  readonly hasRetryable: boolean;
  readonly hasSkippable: boolean;
  readonly hasUnknownStep: boolean;
  /** A target stands between old and new: nothing that cancel does makes it whole. */
  readonly hasBetween: boolean;
  /** Why it has no inverse now; null = it has one. */
  readonly noInverse: string | null;
}

/** Where a verb brings a change, if nothing comes between. */
const LEADS_TO: Partial<Record<ChangeAction, ChangeState>> = { start: "running", resume: "running", pause: "paused" };

/** What is possible instead of a verb that is not, for people: the one that opens the way to it says so. */
export function instead(action: ChangeAction, facts: ActionFacts): string[] {
  const opens = (state: ChangeState | undefined) =>
    state !== undefined && allowedActions({ ...facts, state }).includes(action);
  const now = allowedActions(facts).map((verb) =>
    opens(LEADS_TO[verb]) ? say("allowed.then", { action: verb, verb: action }) : verb,
  );
  return facts.state === "pausing" && opens("paused") ? [say("allowed.when-paused", { action }), ...now] : now;
}

/** The verbs that are legal now, in the order in which people read them. */
export function allowedActions(facts: ActionFacts): ChangeAction[] {
  const holds: Partial<Record<ChangeAction, boolean>> = {
    confirm: facts.hasUnconfirmed,
    retry: facts.hasRetryable,
    skip: facts.hasSkippable,
    "declare-lost": facts.hasUnknownStep,
    cancel: facts.state !== "failed" || !facts.hasBetween,
    // A rollback cannot itself be rolled back before it has ended.
    rollback: facts.noInverse === null && (!facts.isRollback || isTerminal(facts.state)),
  };
  return OFFERED[facts.state].filter((action) => holds[action] ?? true);
}
