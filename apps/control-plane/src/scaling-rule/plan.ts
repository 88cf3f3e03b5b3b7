import { say } from "@evenkeel/contracts/phrase";
import type {
  ScalingMetric,
  ScalingVerdict,
  ScalingVerdictKind,
  SetScalingRule,
} from "@evenkeel/contracts/scaling-rule";

/** What the bases told in one step of time. */
export interface LoadStep {
  readonly bases: number;
  /** Null: they told, and nothing was asked of the module. */
  readonly value: number | null;
}

/** What a rule may know when it decides. */
export interface Situation {
  /** Bases that hold the module; 0: it is placed nowhere. */
  readonly holders: number;
  /** Whole steps of the stabilisation time, newest last; those in which nobody told anything are missing. */
  readonly steps: readonly LoadStep[];
  /** Since its last change was seen under way; null: there was none. */
  readonly sinceScaledSeconds: number | null;
  readonly underWay: boolean;
}

/** Bases are asked every ten seconds: each tells in every step at least once. */
export const STEP_SECONDS = 15;

export const stepsOf = ({ stabilisationSeconds }: Pick<SetScalingRule, "stabilisationSeconds">): number =>
  Math.ceil(stabilisationSeconds / STEP_SECONDS);

type Decided = Omit<ScalingVerdict, "problem">;

/** What is to be done now. Nobody's silence is ever a reason to scale. */
export function decide(rule: SetScalingRule, situation: Situation): Decided {
  const { holders: bases, steps } = situation;
  const value = steps.at(-1)?.value ?? null;
  const found = (kind: ScalingVerdictKind, why: string, wanted: number | null = null): Decided => ({
    ...{ kind, why, value, bases, wanted },
  });
  if (bases === 0) return found("no-data", say("scaling.nowhere", { module: rule.module, cluster: rule.cluster }));
  if (situation.underWay) return found("under-way", say("scaling.under-way"));
  const data = dataOf(rule, situation);
  if (typeof data === "string") return found("no-data", data);
  const aim = aimOf(rule, data, bases);
  if (aim.wanted === bases) return found(aim.limited ? "at-limit" : "steady", aim.why);
  if (aim.wanted < bases && data.told < bases)
    return found("no-data", say("scaling.few-told", { count: data.told, total: bases }));
  const waitSeconds = restSeconds(rule, situation.sinceScaledSeconds);
  const { wanted, why } = aim;
  if (waitSeconds > 0)
    return found("cooling", say("scaling.not-before", { said: why, seconds: Math.ceil(waitSeconds) }), wanted);
  return found("scale", say("scaling.scale", { said: why, before: bases, wanted }), wanted);
}

interface Data {
  readonly values: readonly number[];
  /** Bases that told in every step. */
  readonly told: number;
}

/** Every step must have been told of, by half of the bases at least; else why there is no data. */
function dataOf(rule: SetScalingRule, { holders, steps }: Situation): Data | string {
  const { metric, module } = rule;
  const wanted = stepsOf(rule);
  if (steps.length < wanted)
    return say("scaling.steps-known", { metric, count: steps.length, total: wanted, seconds: STEP_SECONDS });
  const values = steps.flatMap(({ value }) => value ?? []);
  if (values.length < wanted) return say("scaling.says-nothing", { metric, module });
  const told = Math.min(...steps.map(({ bases }) => bases));
  return told * 2 < holders ? say("scaling.some-told", { count: told, total: holders }) : { values, told };
}

interface Aim {
  readonly wanted: number;
  readonly why: string;
  readonly limited: boolean;
}

function aimOf(rule: SetScalingRule, { values }: Data, bases: number): Aim {
  const { metric, above, below, minBases, maxBases, step } = rule;
  const to = (wanted: number, why: string): Aim => {
    const kept = Math.min(Math.max(wanted, minBases), maxBases);
    return { wanted: kept, why, limited: kept === bases && wanted !== bases };
  };
  const [lowest, highest] = [Math.min(...values), Math.max(...values)];
  if (bases < minBases) return to(minBases, say("scaling.at-least", { count: minBases }));
  if (bases > maxBases) return to(maxBases, say("scaling.at-most", { count: maxBases }));
  if (lowest > above) return to(bases + step, say("scaling.above", { metric, number: shown(lowest), limit: above }));
  if (highest >= below) {
    const number = shown(values.at(-1) ?? 0);
    return to(bases, say("scaling.between", { metric, number, from: below, to: above }));
  }
  const fewer = Math.max(minBases, bases - step);
  const expected = (highest * bases) / fewer;
  if (SHARED.has(metric) && expected > above)
    return to(bases, say("scaling.would", { metric, number: shown(highest), expected: shown(expected), count: fewer }));
  return to(bases - step, say("scaling.below", { metric, number: shown(highest), limit: below }));
}

/** What one base does not take the others must. */
const SHARED: ReadonlySet<ScalingMetric> = new Set([
  "cpu-percent",
  "module-cpu-percent",
  "requests-per-second",
  "in-flight",
]);

/** What was measured before the last scaling says nothing about what it has changed. */
function restSeconds(rule: SetScalingRule, sinceScaledSeconds: number | null): number {
  if (sinceScaledSeconds === null) return 0;
  return Math.max(rule.cooldownSeconds, (stepsOf(rule) + 1) * STEP_SECONDS) - sinceScaledSeconds;
}

const shown = (value: number): string => String(Math.round(value * 10) / 10);
