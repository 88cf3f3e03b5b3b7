import type { Destination, SetTrafficRule } from "@evenkeel/contracts/traffic-rule";

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
