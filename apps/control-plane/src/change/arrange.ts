import type { VerbBody } from "@evenkeel/contracts/change";
import type { Plan, PlannedBatch, PlannedGroup } from "@evenkeel/contracts/change-plan";
import { isRefusal, type Refusal, refuse } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";
import { effectiveGate } from "./gate.ts";
import { bakeOf } from "./guard/watch.ts";
import { needsConfirmation } from "./strategy.ts";
import { excessOf } from "./strategy-fit.ts";

type Arrangement = NonNullable<VerbBody<"replan">["groups"]>;
type ArrangedBatch = Arrangement[number]["batches"][number];

/** Batches as a person arranged them: every target once, in its own group, within the limits of the strategy. */
export function rearrange(plan: Plan, arrangement: Arrangement): Plan | Refusal {
  const unknown = arrangement.find(({ groupId }) => !plan.groups.some((group) => group.groupId === groupId));
  if (unknown !== undefined)
    return refuse("INPUT_INVALID", { problem: say("why.no-group", { group: unknown.groupId }) });
  const groups: PlannedGroup[] = [];
  for (const group of plan.groups) {
    const wanted = arrangement.find(({ groupId }) => groupId === group.groupId);
    const arranged = wanted === undefined ? group : arrangeGroup(plan, group, wanted.batches);
    if (isRefusal(arranged)) return arranged;
    groups.push(arranged);
  }
  return { ...plan, groups };
}

function arrangeGroup(
  { targets }: Plan,
  group: PlannedGroup,
  wanted: readonly ArrangedBatch[],
): PlannedGroup | Refusal {
  const problem = problemOf(group, wanted);
  if (problem !== null) return refuse("INPUT_INVALID", { problem: `groups.${group.groupId}: ${problem}` });
  const byId = new Map(targets.map((target) => [target.targetId, target]));
  const targetsOf = (ids: readonly string[]) => ids.flatMap((id) => byId.get(id) ?? []);
  const all = targetsOf(idsOf(group.batches));
  for (const { name, targetIds } of wanted) {
    const excess = excessOf(group, all, targetsOf(targetIds));
    if (excess !== null)
      return refuse("STRATEGY_UNFIT", { problem: say("why.batch-so", { batch: name, said: excess }) });
  }
  const batches = wanted.map(({ name, targetIds }, index): PlannedBatch => {
    const from = group.batches.filter((batch) => batch.targetIds.some((id) => targetIds.includes(id)));
    return {
      batchId: `${group.groupId}/${index + 1}`,
      name,
      beta: from.every(({ beta }) => beta),
      gate: effectiveGate(gateOf(group, from, { name, index }), targetsOf(targetIds)),
      bakeMs: bakeOf(group.strategy),
      targetIds,
    };
  });
  return { ...group, batches };
}

/** `first` and `each` go by the new places. A listed confirmation follows the hosts for which it was asked. */
function gateOf(
  { strategy }: PlannedGroup,
  from: readonly PlannedBatch[],
  place: { readonly name: string; readonly index: number },
): PlannedBatch["gate"] {
  const confirmed =
    typeof strategy.confirm === "string" ? needsConfirmation(strategy, place) : from.some(({ gate }) => gate !== null);
  return confirmed ? strategy.gate : null;
}

const idsOf = (batches: readonly { readonly targetIds: readonly string[] }[]) =>
  batches.flatMap(({ targetIds }) => targetIds);

function problemOf(group: PlannedGroup, wanted: readonly ArrangedBatch[]): string | null {
  const mine = new Set(idsOf(group.batches));
  const named = idsOf(wanted);
  const foreign = named.find((id) => !mine.has(id));
  if (foreign !== undefined) return say("why.foreign-target", { target: foreign });
  if (new Set(named).size !== named.length) return say("why.target-twice");
  const placed = new Set(named);
  const missing = [...mine].find((id) => !placed.has(id));
  if (missing !== undefined) return say("why.target-nowhere", { target: missing });
  const names = wanted.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined ? null : say("why.batches-alike", { batch: twice });
}
