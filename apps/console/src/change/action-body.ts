import type { Tree } from "@evenkeel/client/tree";
import type { BatchView, Change, RollbackSpeed, TargetView, VerbBody } from "@evenkeel/contracts/change";
import type { ChangeAction } from "@evenkeel/contracts/change-state";

/** What a person has asked for, and of what. */
export interface Asked {
  readonly action: ChangeAction;
  readonly batch?: BatchView;
  readonly target?: TargetView;
}

/** What a person has filled in. */
export interface Filled {
  readonly reason: string;
  readonly speed: RollbackSpeed;
  readonly traffic: "leave-detached" | "re-attach";
  readonly emergency: boolean;
  readonly now: boolean;
}

export const nothingFilled: Filled = {
  reason: "",
  speed: "fast",
  traffic: "leave-detached",
  emergency: false,
  now: false,
};

const REASONED: readonly ChangeAction[] = ["reject", "declare-lost", "rollback", "close"];

/** Some actions must say why; a start only where it passes over rules. */
export function needsReason(action: ChangeAction, { emergency }: Pick<Filled, "emergency">): boolean {
  return REASONED.includes(action) || (action === "start" && emergency);
}

interface Of {
  readonly change: Change;
  readonly tree: Tree;
}

/** The body of the verb, as the API takes it. */
export function bodyOf({ action, batch, target }: Asked, { change, tree }: Of, filled: Filled): VerbBody<ChangeAction> {
  const { reason, speed, traffic, emergency, now } = filled;
  const targets = target === undefined ? [] : [target.targetId];
  switch (action) {
    case "start":
      return emergency ? { emergency, reason } : {};
    case "approve":
      // What was read is what is approved.
      return { planDigest: change.planDigest };
    case "pause":
      return now ? { now } : {};
    case "confirm":
      return { batchIds: batch === undefined ? openBatches(change) : [batch.batchId] };
    case "retry":
      return targets.length === 0 ? {} : { targetIds: targets };
    case "skip":
      return { targetIds: targets, traffic };
    case "declare-lost":
      return { stepIds: lostSteps(tree, targets), reason };
    case "rollback":
      return { speed, reason };
    case "reject":
    case "close":
      return { reason };
    case "replan":
    case "resume":
    case "cancel":
      return {};
  }
}

const openBatches = ({ groups }: Change): string[] =>
  groups
    .flatMap(({ batches }) => batches)
    .filter(({ allowedActions }) => allowedActions.includes("confirm"))
    .map(({ batchId }) => batchId);

const lostSteps = ({ targets }: Tree, ids: readonly string[]) =>
  ids.flatMap((id) =>
    (targets.get(id)?.steps ?? []).flatMap((step) => (step.state === "unknown" && step.id !== null ? [step.id] : [])),
  );
