import type { Change, ChangeSummary, TargetView } from "@evenkeel/contracts/change";
import type { ChangeAction } from "@evenkeel/contracts/change-state";
import { mayDo } from "@evenkeel/contracts/principal";
import type { Caller } from "../http/index.ts";

type Who = Pick<Caller, "may">;

/** Ends a change that goes on, and frees what it holds. */
export const TAKE_OVER = "lock:take-over";

const of = (actions: readonly ChangeAction[], { may }: Who): ChangeAction[] =>
  actions.filter((action) => mayDo(may, `change:${action}`));

/** A change as this caller may act on it: what he has no permission for is not offered. */
export function permittedSummary<Shown extends ChangeSummary>(change: Shown, who: Who): Shown {
  const actions = of(change.allowedActions, who);
  const mayClose = change.state === "failed" || mayDo(who.may, TAKE_OVER);
  return { ...change, allowedActions: actions.filter((action) => action !== "close" || mayClose) };
}

/** The same for one target. */
export function permittedTarget<Shown extends TargetView>(target: Shown, who: Who): Shown {
  return { ...target, allowedActions: of(target.allowedActions, who) };
}

/** The same for the whole tree. */
export function permitted(change: Change, who: Who): Change {
  return {
    ...permittedSummary(change, who),
    groups: change.groups.map((group) => ({
      ...group,
      allowedActions: of(group.allowedActions, who),
      batches: group.batches.map((batch) => ({
        ...batch,
        allowedActions: of(batch.allowedActions, who),
        targets: batch.targets.map((target) => permittedTarget(target, who)),
      })),
    })),
  };
}
