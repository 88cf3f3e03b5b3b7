import type { Plan, PlannedStep, PlannedTarget } from "@evenkeel/contracts/change-plan";
import type { TargetTraffic } from "@evenkeel/contracts/change-state";
import { CLOSING, OPENING, type Phase, type Snapshot, type StepAttempt, type TargetSnapshot } from "./snapshot.ts";

/** A planned step at its place among the steps of one target. */
export interface TrackStep {
  readonly phase: Phase;
  readonly index: number;
  readonly step: PlannedStep;
}

/** Where a target stands among its steps. */
export type Position =
  | { readonly kind: "done" }
  | { readonly kind: "next"; readonly at: TrackStep; readonly previous: StepAttempt | null }
  | { readonly kind: "in-hand"; readonly at: TrackStep; readonly attempt: StepAttempt }
  | { readonly kind: "lost"; readonly at: TrackStep; readonly attempt: StepAttempt };

/** How often a repeatable step is run again by itself after it was truly interrupted. */
const REPEAT_LIMIT = 3;

/** The steps of a target, or of the change as a whole, in order; without those that clean up. */
export function trackOf(snapshot: Snapshot, targetId: string): TrackStep[] {
  if (targetId === OPENING) return inPhase("opening", snapshot.plan.opening, 0);
  if (targetId === CLOSING) return inPhase("closing", snapshot.plan.closing, 0);
  const target = plannedOf(snapshot.plan, targetId);
  if (target === undefined) return [];
  return [...inPhase("stage", target.stage, 0), ...inPhase("run", target.steps, target.stage.length)];
}

/** The steps that clean a target up after a cancel. */
export function cleanTrackOf(snapshot: Snapshot, targetId: string): TrackStep[] {
  const target = plannedOf(snapshot.plan, targetId);
  return inPhase("clean", target?.clean ?? [], 0);
}

/** The steps that give a skipped target its traffic back. */
export function reattachTrackOf(snapshot: Snapshot, targetId: string): TrackStep[] {
  const target = plannedOf(snapshot.plan, targetId);
  return inPhase("re-attach", target?.reattach ?? [], 0);
}

function inPhase(phase: Phase, steps: readonly PlannedStep[], offset: number): TrackStep[] {
  return steps.map((step, index) => ({ phase, index: offset + index, step }));
}

/** The attempts of one target, by phase and name, newest last. */
export function attemptsOf({ attempts }: Snapshot, targetId: string): readonly StepAttempt[] {
  return grouped(attempts).get(targetId) ?? [];
}

/** A target of the plan; undefined for the change's own tracks. */
export function plannedOf(plan: Plan, targetId: string): PlannedTarget | undefined {
  return indexed(plan).get(targetId);
}

// Decisions ask for every target of a change: with ten thousand of them a search for each would be a hundred million comparisons.
const grouped = once((attempts: readonly StepAttempt[]) => Map.groupBy(attempts, ({ targetId }) => targetId));
const indexed = once((plan: Plan) => new Map(plan.targets.map((target) => [target.targetId, target])));

/** A value derived from an object that never changes, made when it is first asked for. */
export function once<Source extends object, Value>(derive: (source: Source) => Value): (source: Source) => Value {
  const derived = new WeakMap<Source, Value>();
  return (source) => {
    const known = derived.get(source);
    if (known !== undefined) return known;
    const value = derive(source);
    derived.set(source, value);
    return value;
  };
}

/** The newest attempt of a step. */
export function newestAttempt(attempts: readonly StepAttempt[], { phase, step }: TrackStep): StepAttempt | null {
  let newest: StepAttempt | null = null;
  for (const attempt of attempts) {
    if (attempt.phase !== phase || attempt.name !== step.name) continue;
    if (newest === null || attempt.attempt > newest.attempt) newest = attempt;
  }
  return newest;
}

/** Where the target stands on the track: the first step that is not done. */
export function positionOf(
  track: readonly TrackStep[],
  attempts: readonly StepAttempt[],
  target: Pick<TargetSnapshot, "round" | "fromIndex">,
): Position {
  for (const at of track) {
    const attempt = newestAttempt(attempts, at);
    const stale = attempt !== null && at.index >= target.fromIndex && attempt.round < target.round;
    if (attempt === null || stale || attempt.state === "revoked") return { kind: "next", at, previous: attempt };
    switch (attempt.state) {
      case "succeeded":
      case "skipped":
        continue;
      case "pending":
      case "dispatched":
      case "running":
        return { kind: "in-hand", at, attempt };
      case "interrupted":
        if (at.step.repeatable && attempt.attempt < REPEAT_LIMIT) return { kind: "next", at, previous: attempt };
        return { kind: "lost", at, attempt };
      case "failed":
      case "timed-out":
      case "unknown":
        return { kind: "lost", at, attempt };
      default:
        return attempt.state satisfies never;
    }
  }
  return { kind: "done" };
}

/** Says whether any step beyond staging was sent and not taken back. */
export function isTouched(attempts: readonly StepAttempt[]): boolean {
  return attempts.some((attempt) => attempt.phase === "run" && attempt.state !== "revoked");
}

/** What the target's steps have found out, the newest last word. */
export function factsOf(planned: Readonly<Record<string, unknown>>, attempts: readonly StepAttempt[]) {
  const facts: Record<string, unknown> = { ...planned };
  for (const attempt of attempts) if (attempt.state === "succeeded") Object.assign(facts, attempt.facts);
  return facts;
}

/** The traffic of a target, from its steps: the newest step that moves traffic decides. */
export function trafficOf(
  track: readonly TrackStep[],
  attempts: readonly StepAttempt[],
  initial: TargetTraffic,
): TargetTraffic {
  let traffic = initial;
  for (const at of track) {
    const attempt = newestAttempt(attempts, at);
    if (at.step.traffic === null || attempt === null || attempt.state === "revoked") continue;
    traffic = attempt.state === "succeeded" ? at.step.traffic.after : at.step.traffic.during;
  }
  return traffic;
}

/** Index at which a retry begins again, from the step that was lost. */
export function retryIndex(track: readonly TrackStep[], lost: TrackStep): number {
  const from = lost.step.retryFrom;
  if (from === null) return lost.index;
  return track.find((at) => at.step.name === from)?.index ?? lost.index;
}
