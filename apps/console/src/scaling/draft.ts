import { ScalingMetric, type ScalingRule, SetScalingRule } from "@evenkeel/contracts/scaling-rule";

/** A rule as it stands in the form, right or not. */
export interface ScalingDraft {
  readonly name: string;
  readonly cluster: string;
  readonly module: string;
  readonly metric: ScalingMetric;
  readonly above: number;
  readonly below: number;
  readonly minBases: number;
  readonly maxBases: number;
  readonly step: number;
  readonly stabilisationSeconds: number;
  readonly cooldownSeconds: number;
  /** Empty: the only one of the workspace. */
  readonly buffer: string;
  readonly enabled: boolean;
}

export const METRICS = ScalingMetric.options;

export const FIRST_SCALING: ScalingDraft = {
  ...{ name: "", cluster: "", module: "", metric: "requests-per-second", above: 200, below: 50 },
  ...{ minBases: 1, maxBases: 4, step: 1, stabilisationSeconds: 60, cooldownSeconds: 120, buffer: "", enabled: true },
};

export function draftOfRule(rule: ScalingRule): ScalingDraft {
  const { name, cluster, module, metric, above, below, minBases, maxBases, step, enabled } = rule;
  const { stabilisationSeconds, cooldownSeconds, buffer = "" } = rule;
  return {
    ...{ name, cluster, module, metric, above, below, minBases, maxBases, step, enabled },
    ...{ stabilisationSeconds, cooldownSeconds, buffer },
  };
}

/** The rule as the API takes it; null = it cannot be one yet. */
export function ruleOf(workspace: string, { name: _, buffer, ...draft }: ScalingDraft): SetScalingRule | null {
  const wanted = { workspace, ...draft, ...(buffer === "" ? {} : { buffer }) };
  return SetScalingRule.safeParse(wanted).data ?? null;
}

/** Two thresholds and what was measured, as shares of a line that has room for all of them. */
export function bandOf({ above, below }: Pick<SetScalingRule, "above" | "below">, value: number | null) {
  const most = Math.max(above * 1.25, (value ?? 0) * 1.1, Number.MIN_VALUE);
  return { below: below / most, above: above / most, value: value === null ? null : value / most };
}
