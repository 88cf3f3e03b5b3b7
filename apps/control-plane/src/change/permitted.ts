import type { Change, ChangeSummary } from "@evenkeel/contracts/change";
import type { ChangeAction } from "@evenkeel/contracts/change-state";
import { type Caller, mayDo } from "../http/index.ts";

type Who = Pick<Caller, "may">;

const of = (actions: readonly ChangeAction[], { may }: Who): ChangeAction[] =>
  actions.filter((action) => mayDo(may, `change:${action}`));

/** A change as this caller may act on it: what he has no permission for is not offered. */
export function permittedSummary<Shown extends ChangeSummary>(change: Shown, who: Who): Shown {
  return { ...change, allowedActions: of(change.allowedActions, who) };
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
        targets: batch.targets.map((target) => ({ ...target, allowedActions: of(target.allowedActions, who) })),
      })),
    })),
  };
}
