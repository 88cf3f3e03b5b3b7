import { z } from "zod";

export const ChangeState = z.enum([
  "planned",
  "awaiting-approval",
  "scheduled",
  "running",
  "awaiting-confirmation",
  "pausing",
  "paused",
  "failed",
  "cancelling",
  "rolling-back",
  "succeeded",
  "cancelled",
  "rolled-back",
  "closed",
  "expired",
]);
export type ChangeState = z.infer<typeof ChangeState>;
export const TERMINAL_CHANGE_STATES = [
  "succeeded",
  "cancelled",
  "rolled-back",
  "closed",
  "expired",
] as const satisfies ChangeState[];

/** Says whether a change has ended for good. */
export function isTerminal(state: ChangeState): boolean {
  return (TERMINAL_CHANGE_STATES as readonly ChangeState[]).includes(state);
}

/** `ended`: its change ended before it did, and so for a batch. */
export const GroupState = z.enum(["pending", "running", "awaiting-confirmation", "succeeded", "failed", "ended"]);
export type GroupState = z.infer<typeof GroupState>;
export const BatchState = z.enum([
  "pending",
  "awaiting-confirmation",
  "running",
  "baking",
  "succeeded",
  "failed",
  "ended",
]);
export type BatchState = z.infer<typeof BatchState>;
export const TargetState = z.enum([
  "pending",
  "staging",
  "staged",
  "running",
  "succeeded",
  "failed",
  "skipped",
  "offline",
  "interrupted",
  "unknown",
  "reverted",
]);
export type TargetState = z.infer<typeof TargetState>;
export const TargetTraffic = z.enum(["none", "attached", "draining", "detached", "attaching"]);
export type TargetTraffic = z.infer<typeof TargetTraffic>;
export const StepState = z.enum([
  "pending",
  "dispatched",
  "running",
  "succeeded",
  "failed",
  "timed-out",
  "interrupted",
  "unknown",
  "skipped",
  "revoked",
]);
export type StepState = z.infer<typeof StepState>;

export const ChangeAction = z.enum([
  "start",
  "replan",
  "approve",
  "reject",
  "pause",
  "resume",
  "confirm",
  "retry",
  "skip",
  "declare-lost",
  "cancel",
  "rollback",
  "close",
]);
export type ChangeAction = z.infer<typeof ChangeAction>;
