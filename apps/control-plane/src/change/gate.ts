import type { Plan, PlannedBatch, PlannedTarget } from "@evenkeel/contracts/change-plan";
import type { Snapshot } from "./snapshot.ts";
import { SETTLED_TARGETS } from "./state.ts";
import { attemptsOf, once, positionOf, trackOf } from "./track.ts";

/** A gate where it has something to hold: without a step that gives traffic there is nothing to confirm before it. */
export function effectiveGate(
  gate: PlannedBatch["gate"],
  targets: readonly Pick<PlannedTarget, "steps">[],
): PlannedBatch["gate"] {
  return gate === "traffic" && !targets.some(hasGatedStep) ? null : gate;
}

const hasGatedStep = ({ steps }: Pick<PlannedTarget, "steps">) => steps.some(({ gated }) => gated === true);

const isConfirmed = (snapshot: Snapshot, { batchId }: PlannedBatch) =>
  snapshot.batches.get(batchId)?.confirmed === true;

const batchIndex = once(
  (plan: Plan) =>
    new Map(
      plan.groups
        .flatMap(({ batches }) => batches)
        .flatMap((batch) => batch.targetIds.map((targetId) => [targetId, batch] as const)),
    ),
);

/** True when a person must confirm before this target gets traffic, and has not. */
export function isShut(snapshot: Snapshot, targetId: string): boolean {
  const batch = batchIndex(snapshot.plan).get(targetId);
  return batch !== undefined && batch.gate === "traffic" && !isConfirmed(snapshot, batch);
}

/** True when the target has done all that it may before a person confirms its traffic. */
export function isHeld(snapshot: Snapshot, targetId: string): boolean {
  const target = snapshot.targets.get(targetId);
  if (target?.state !== "running" || !isShut(snapshot, targetId)) return false;
  const position = positionOf(trackOf(snapshot, targetId), attemptsOf(snapshot, targetId), target);
  return position.kind === "next" && position.at.step.gated === true;
}

/** True when a begun batch has nothing left to do before a person confirms its traffic. */
export function waitsForTraffic(snapshot: Snapshot, batch: PlannedBatch): boolean {
  if (batch.gate !== "traffic" || isConfirmed(snapshot, batch)) return false;
  const open = batch.targetIds.filter((id) => !SETTLED_TARGETS.includes(snapshot.targets.get(id)?.state ?? "pending"));
  return open.length > 0 && open.every((id) => isHeld(snapshot, id));
}
