import { WHOLE_BASIS_POINTS } from "@evenkeel/contracts/traffic/bucket";
import type { Destination, SetTrafficRule } from "@evenkeel/contracts/traffic-rule";
import type { CellWeight } from "../traffic-rule/plan/index.ts";

/** Percent with two decimals. */
const rounded = (percent: number): number => Math.round(percent * 100) / 100;

/** The rule with so much for its first destination; what is left the others share as they did. */
export function withShare(rule: SetTrafficRule, percent: number): SetTrafficRule {
  const { send } = rule;
  const [first, ...others] = send?.to ?? [];
  if (send === undefined || first === undefined || others.length === 0) return rule;
  const before = others.reduce((sum, each) => sum + each.percent, 0);
  let left = rounded(100 - percent);
  const shared = others.map((each, index): Destination => {
    const share = before === 0 ? left / (others.length - index) : ((100 - percent) * each.percent) / before;
    const its = index === others.length - 1 ? left : Math.min(left, rounded(share));
    left = rounded(left - its);
    return { ...each, percent: its };
  });
  return { ...rule, send: { ...send, to: [{ ...first, percent }, ...shared] } };
}

/** So much of the way from some weights to others, as shares of 10,000. */
export function weightsBetween(from: readonly CellWeight[], to: readonly CellWeight[], percent: number): CellWeight[] {
  if (percent === 100) return [...to];
  const [before, after] = [sharesOf(from), sharesOf(to)];
  return to.map(({ cell, away }) => {
    const [a, b] = [before.get(cell) ?? 0, after.get(cell) ?? 0];
    return { cell, away, weight: Math.round((a + ((b - a) * percent) / 100) * WHOLE_BASIS_POINTS) };
  });
}

function sharesOf(weights: readonly CellWeight[]): Map<string, number> {
  const total = weights.reduce((sum, { weight }) => sum + weight, 0);
  return new Map(weights.map(({ cell, weight }) => [cell, total === 0 ? 0 : weight / total]));
}
