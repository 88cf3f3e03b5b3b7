import type { Plan, PlannedGroup, PlannedTarget } from "@evenkeel/contracts/change-plan";
import { type Refusal, refuse } from "@evenkeel/contracts/error";
import type { ServiceId } from "@evenkeel/contracts/id";

/** The routes of what is replaced, and whether a moment without any instance is consented to. */
export interface GapRule {
  readonly serviceId: ServiceId;
  readonly routes: readonly string[];
  readonly allowGap: boolean;
}

/** In-place leaves a route without any instance where everything that serves it is in hand at once. */
export function refuseGap(plan: Plan, { serviceId, routes, allowGap }: GapRule): Refusal | null {
  if (routes.length === 0 || allowGap) return null;
  const byId = new Map(plan.targets.map((target) => [target.targetId, target]));
  const groups = plan.groups.filter((group) => slotOf(group, byId) === serviceId);
  const gaps = groups.map((group) => gapIn(group, byId));
  // Groups of one service go side by side: each may stand in its emptiest batch at the same moment.
  const batch = gaps.find((gap) => gap?.batch != null)?.batch;
  const isGap = batch !== undefined && gaps.every((gap) => gap !== null);
  return isGap ? refuse("ROUTE_GAP", { route: [...routes], batch }) : null;
}

type Targets = ReadonlyMap<string, PlannedTarget>;

const slotOf = (group: PlannedGroup, byId: Targets) => byId.get(group.batches[0]?.targetIds[0] ?? "")?.slot;

/** The moment at which nothing of a group serves: during a batch, or before anything arrived; null = there is none. */
function gapIn(group: PlannedGroup, byId: Targets): { readonly batch: string | null } | null {
  const ids = group.batches.flatMap((batch) => batch.targetIds);
  const serves = new Set(ids.filter((id) => byId.get(id)?.facts.traffic === "attached"));
  let empty = serves.size === 0 ? { batch: null } : null;
  for (const batch of group.batches) {
    const leaving = batch.targetIds.filter((id) => serves.has(id) && isDetached(byId.get(id)));
    if (leaving.length > 0 && leaving.length === serves.size) return { batch: batch.name };
    for (const id of batch.targetIds) if (byId.get(id)?.to != null) serves.add(id);
    if (serves.size === 0) empty = { batch: null };
  }
  return empty;
}

const isDetached = (target: PlannedTarget | undefined) =>
  target?.to != null && target.steps.some(({ type }) => type === "detach");
