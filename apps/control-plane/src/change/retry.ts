import type { PlannedTarget } from "@evenkeel/contracts/change-plan";
import { batchOf } from "./batch.ts";
import type { Snapshot, TargetSnapshot } from "./snapshot.ts";
import { attemptsOf, positionOf, retryIndex, trackOf } from "./track.ts";

/** Problems after which the bits have to be brought again. */
const BITS_GONE = ["REVISION_NOT_STAGED", "OBJECT_CORRUPT"];

/** Where a lost target begins again. */
export interface Retry {
  /** Its steps from this index of stage + steps on must succeed anew. */
  readonly fromIndex: number;
  readonly to: "staging" | "running";
}

/** From which step a lost target is tried again; one whose batch has not begun waits for its turn. */
export function retryOf(snapshot: Snapshot, { targetId, stage }: PlannedTarget, target: TargetSnapshot): Retry {
  const fromIndex = indexOf(snapshot, target);
  const batch = snapshot.plan.groups
    .flatMap(({ batches }) => batches)
    .find(({ targetIds }) => targetIds.includes(targetId));
  const begun = batch !== undefined && batchOf(snapshot, batch).started;
  return { fromIndex, to: fromIndex < stage.length || !begun ? "staging" : "running" };
}

function indexOf(snapshot: Snapshot, target: TargetSnapshot): number {
  if (target.problem !== null && BITS_GONE.includes(target.problem.code)) return 0;
  const track = trackOf(snapshot, target.targetId);
  const position = positionOf(track, attemptsOf(snapshot, target.targetId), target);
  if (position.kind === "done") return 0;
  return position.kind === "lost" ? retryIndex(track, position.at) : position.at.index;
}
