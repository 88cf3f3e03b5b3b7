import type { Plan, PlannedTarget } from "@evenkeel/contracts/change-plan";
import type { TargetState } from "@evenkeel/contracts/change-state";
import { CLOSING, OPENING } from "../snapshot.ts";
import { LOST_TARGETS, SETTLED_TARGETS } from "../state.ts";

type States = ReadonlyMap<string, TargetState>;

const IN_HAND: readonly TargetState[] = ["running", "staging"];

/** Which targets are shown where there is room for so many: those in trouble, those in hand, those left out, then the others; null = all. */
export function chooseTargets(plan: Plan, states: States, atMost: number): ReadonlySet<string> | null {
  if (plan.targets.length <= atMost) return null;
  const rank = ({ targetId }: PlannedTarget): number => {
    const state = states.get(targetId) ?? "pending";
    if (LOST_TARGETS.includes(state)) return 0;
    if (IN_HAND.includes(state)) return 1;
    return state === "offline" ? 2 : 3;
  };
  const ranks = Map.groupBy(plan.targets, rank);
  const ordered = [0, 1, 2, 3].flatMap((index) => ranks.get(index) ?? []);
  return new Set(ordered.slice(0, atMost).map(({ targetId }) => targetId));
}

/** Whose steps must be read to show these targets, and to say what may be done with the change. */
export function whoseSteps(plan: Plan, states: States, chosen: Iterable<string>): string[] {
  const lost = plan.targets.filter(({ targetId }) => LOST_TARGETS.includes(states.get(targetId) ?? "pending"));
  // Whether a batch waits for a person before its traffic is told by where its targets stand.
  const gated = plan.groups
    .flatMap(({ batches }) => batches)
    .filter(({ gate }) => gate === "traffic")
    .flatMap(({ targetIds }) => targetIds.filter((id) => !SETTLED_TARGETS.includes(states.get(id) ?? "pending")));
  return [...new Set([OPENING, CLOSING, ...chosen, ...lost.map(({ targetId }) => targetId), ...gated])];
}
