import type { PlannedTarget } from "@evenkeel/contracts/change-plan";
import type { StepState, TargetState } from "@evenkeel/contracts/change-state";
import { type Problem, problemOf } from "@evenkeel/contracts/error";
import type { StepId } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import { isShut } from "./gate.ts";
import type { HostView, Snapshot, StepAttempt, TargetSnapshot } from "./snapshot.ts";
import { attemptsOf, isTouched, type Position, positionOf, type TrackStep, trackOf } from "./track.ts";

/** One thing to be written about one target or step. */
export type TargetDecision =
  | {
      readonly kind: "dispatch";
      readonly targetId: string;
      readonly at: TrackStep;
      readonly previous: StepAttempt | null;
    }
  | { readonly kind: "step"; readonly stepId: StepId; readonly to: StepState; readonly problem: Problem }
  | { readonly kind: "target"; readonly targetId: string; readonly to: TargetState; readonly problem: Problem | null };

export interface Context {
  readonly snapshot: Snapshot;
  readonly hosts: HostView;
}

/** Which steps may be issued now. */
export interface Permit {
  /** Whether it is this target's turn to stage. */
  stage(targetId: string): boolean;
  /** Whether this target may take its next step beyond staging. */
  run(targetId: string): boolean;
}

const MOVING: readonly TargetState[] = ["pending", "staging", "staged", "running"];
const LOST_AS: Partial<Record<StepState, TargetState>> = { interrupted: "interrupted", unknown: "unknown" };

/** Where a target, or one of the change's own tracks, stands. */
export function standing({ snapshot }: Context, targetId: string): Position {
  const target = snapshot.targets.get(targetId) ?? { round: 1, fromIndex: 0 };
  return positionOf(trackOf(snapshot, targetId), attemptsOf(snapshot, targetId), target);
}

/** What a lost attempt means to its target. */
export function lossOf(attempt: StepAttempt): { readonly to: TargetState; readonly problem: Problem } {
  return { to: LOST_AS[attempt.state] ?? "failed", problem: problemOfAttempt(attempt) };
}

/** Why an attempt was lost. */
export function problemOfAttempt(attempt: StepAttempt): Problem {
  if (attempt.outcome !== null && attempt.outcome.kind !== "succeeded") return attempt.outcome.problem;
  return problemOf("STEP_INTERRUPTED", { problem: say("why.is-so", { what: attempt.name, state: attempt.state }) });
}

interface Moving extends Context {
  readonly planned: PlannedTarget;
  readonly target: TargetSnapshot;
  readonly permit: Permit;
}

/** Moves one target along its track, as far as the permit allows. */
export function moveTarget(context: Context, planned: PlannedTarget, permit: Permit): TargetDecision[] {
  const target = context.snapshot.targets.get(planned.targetId);
  if (target === undefined || !MOVING.includes(target.state)) return [];
  const moving = { ...context, planned, target, permit };
  const position = standing(context, planned.targetId);
  switch (position.kind) {
    case "done":
      return arrived(moving);
    case "lost": {
      const { to, problem } = lossOf(position.attempt);
      return [moveTo(moving, to, problem)];
    }
    case "in-hand":
      return waitFor(moving, position);
    case "next":
      return whereabouts(moving, position) ?? stepOn(moving, position);
    default:
      return position satisfies never;
  }
}

function moveTo({ target }: Moving, to: TargetState, problem: Problem | null = null): TargetDecision {
  return { kind: "target", targetId: target.targetId, to, problem };
}

const silence = ({ planned }: Moving) => problemOf("HOST_LOST", { host: planned.name, since: say("why.seconds-ago") });

function arrived(moving: Moving): TargetDecision[] {
  const { target, permit } = moving;
  if (target.state === "running") return [moveTo(moving, "succeeded")];
  if (target.state !== "staged") return [moveTo(moving, "staged")];
  // Nothing is to be done there; its turn comes all the same.
  return permit.run(target.targetId) ? [moveTo(moving, "running")] : [];
}

/** The control plane's own steps do not depend on the host's link. */
function waitFor(moving: Moving, { at, attempt }: Extract<Position, { kind: "in-hand" }>): TargetDecision[] {
  const { planned, hosts } = moving;
  const lost = planned.hostId !== null && hosts.lost(planned.hostId);
  if (!lost || at.step.on !== "agent") return [];
  return [{ kind: "step", stepId: attempt.id, to: "unknown", problem: silence(moving) }];
}

/** Nothing is left to stage, and nobody has said so yet. */
const isStaged = ({ state }: TargetSnapshot, { phase }: TrackStep): boolean =>
  phase !== "stage" && (state === "pending" || state === "staging");

/** What a host that is away means to a target that is to take a step; null = it is there. */
function whereabouts(moving: Moving, { at }: Extract<Position, { kind: "next" }>): TargetDecision[] | null {
  const { planned, target, hosts, permit, snapshot } = moving;
  if (planned.hostId === null || !hosts.away(planned.hostId)) return null;
  // A rollback is planned when it must be, often a moment after the control plane has come back: its hosts have the grace to come back too.
  if (target.state === "pending" && !planned.online && !snapshot.isRollback) {
    return permit.stage(target.targetId) ? [moveTo(moving, "offline", silence(moving))] : [];
  }
  if (at.step.on !== "agent") return null;
  // That nothing is left to stage needs no host; its batch begins, and its own step waits for it.
  if (!hosts.lost(planned.hostId)) return isStaged(target, at) ? null : [];
  // One whose first step was taken back in time is untouched, and has begun all the same.
  const begun = target.state === "running" || isTouched(attemptsOf(snapshot, planned.targetId));
  return [moveTo(moving, begun ? "interrupted" : "offline", silence(moving))];
}

function stepOn(moving: Moving, { at, previous }: Extract<Position, { kind: "next" }>): TargetDecision[] {
  const { target, permit, snapshot } = moving;
  const { targetId } = target;
  const dispatch: TargetDecision = { kind: "dispatch", targetId, at, previous };
  if (at.phase === "stage") {
    if (!permit.stage(targetId)) return [];
    return target.state === "pending" ? [moveTo(moving, "staging"), dispatch] : [dispatch];
  }
  if (isStaged(target, at)) return [moveTo(moving, "staged")];
  if (!permit.run(targetId) || (at.step.gated === true && isShut(snapshot, targetId))) return [];
  return target.state === "staged" ? [moveTo(moving, "running"), dispatch] : [dispatch];
}
