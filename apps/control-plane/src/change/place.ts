import type { Plan, PlannedBatch, PlannedGroup } from "@evenkeel/contracts/change-plan";
import { type BatchTarget, planBatches } from "./strategy.ts";

/** The batch of a plan to which one more target would belong, had it been there when the plan was made; null = to none. */
export function batchFor(
  { groups, targets }: Plan,
  added: BatchTarget,
  isOf: (target: Plan["targets"][number]) => boolean,
): PlannedBatch | null {
  const byId = new Map(targets.filter(isOf).map((target) => [target.targetId, target]));
  const own = groups.filter((group) => membersOf(group).some((id) => byId.has(id)));
  // Zones that go side by side are groups of their own.
  const near = own.find((group) => membersOf(group).every((id) => byId.get(id)?.zone === added.zone));
  const group = near ?? own.at(-1);
  if (group === undefined) return null;
  const members: BatchTarget[] = membersOf(group).flatMap((id) => byId.get(id) ?? []);
  const anew = planBatches([...members, added].sort(byPlace(members)), group.strategy, group.groupId);
  const index = anew.findIndex(({ targetIds }) => targetIds.includes(added.targetId));
  return (
    group.batches.find(({ name }) => name === anew[index]?.name) ?? group.batches[index] ?? group.batches.at(-1) ?? null
  );
}

const membersOf = (group: PlannedGroup) => group.batches.flatMap((batch) => batch.targetIds);

/** By zone in the order in which the plan takes them, then by name. */
function byPlace(members: readonly BatchTarget[]) {
  const zones = [...new Set(members.map(({ zone }) => zone))];
  const rank = (zone: string) => (zones.includes(zone) ? zones.indexOf(zone) : zones.length);
  return (one: BatchTarget, other: BatchTarget) =>
    rank(one.zone) - rank(other.zone) || one.name.localeCompare(other.name, "en", { numeric: true });
}
