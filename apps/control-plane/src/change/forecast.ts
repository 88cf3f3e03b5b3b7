import type { Plan, PlannedGroup, PlannedStep, PlannedTarget } from "@evenkeel/contracts/change-plan";

/** How long a step of a subject took in one change: the median over its targets. */
export interface StepDuration {
  /** The slot that the step was about; empty = the change as a whole. */
  readonly subject: string;
  readonly step: string;
  /** On the way back much is there already. */
  readonly back: boolean;
  readonly medianMs: number;
}

/** Newest first. */
export interface History {
  /** Of the plan's own subjects. */
  readonly own: readonly StepDuration[];
  /** Of all subjects of the tenant. */
  readonly all: readonly StepDuration[];
}

/** How many of the last runs a forecast goes by. */
const RUNS = 5;

/** The name under which runs of a step are compared: that of the service that it is about is no part of it. */
export const stepKey = (phase: string, name: string): string => `${phase}/${name.split(" ")[0]}`;

/** What the plan's steps are about. */
export const subjectsOf = (plan: Plan): string[] => [...new Set(["", ...plan.targets.map(({ slot }) => slot ?? "")])];

/** The plan with how long it will take, from the last runs of the same steps of the same service, else of all; without any history it says so. */
export function withForecast(plan: Plan, history: History, back: boolean): Plan {
  const stepMs = estimator(history, back);
  const add = (sum: number | null, more: number | null) => (sum === null || more === null ? null : sum + more);
  const allOf = (subject: string, phase: string, steps: readonly PlannedStep[]) =>
    steps.reduce<number | null>((sum, { name }) => add(sum, stepMs(subject, stepKey(phase, name))), 0);
  const here = plan.targets.filter(({ online }) => online);
  const longest = (targets: readonly PlannedTarget[], phase: "stage" | "run") =>
    targets.reduce<number | null>((most, target) => {
      const own = allOf(target.slot ?? "", phase, phase === "stage" ? target.stage : target.steps);
      return most === null || own === null ? null : Math.max(most, own);
    }, 0);
  const stagingMs = longest(here, "stage");
  const byId = new Map(here.map((target) => [target.targetId, target]));
  const batchesMs = new Map<string, number>();
  const groupMs = (group: PlannedGroup): number | null => {
    let sum: number | null = 0;
    for (const { batchId, targetIds, bakeMs } of group.batches) {
      const worked = longest(
        targetIds.flatMap((id) => byId.get(id) ?? []),
        "run",
      );
      if (worked !== null) batchesMs.set(batchId, Math.round(worked + bakeMs));
      sum = add(sum, add(worked, bakeMs));
    }
    return sum;
  };
  const frame = add(allOf("", "opening", plan.opening), allOf("", "closing", plan.closing));
  const total = add(add(frame, stagingMs), lastEnd(plan.groups, groupMs));
  if (stagingMs === null && batchesMs.size === 0) return { ...plan, expectedMs: null };
  return {
    ...plan,
    expectedMs: total === null ? null : Math.round(total),
    expected: {
      stagingMs: stagingMs === null ? null : Math.round(stagingMs),
      batchesMs: Object.fromEntries(batchesMs),
    },
  };
}

/** When the last group ends, each beginning when those before it have ended. */
function lastEnd(groups: readonly PlannedGroup[], groupMs: (group: PlannedGroup) => number | null): number | null {
  const own = new Map(groups.map((group) => [group.groupId, groupMs(group)]));
  const ends = new Map<string, number | null>();
  const endOf = (group: PlannedGroup): number | null => {
    const known = ends.get(group.groupId);
    if (known !== undefined) return known;
    const before = groups.filter(({ groupId }) => group.after.includes(groupId)).map(endOf);
    const mine = own.get(group.groupId) ?? null;
    const end = mine === null || before.includes(null) ? null : Math.max(0, ...before.map((each) => each ?? 0)) + mine;
    ends.set(group.groupId, end);
    return end;
  };
  const all = groups.map(endOf);
  return all.includes(null) ? null : Math.max(0, ...all.map((each) => each ?? 0));
}

/** The median of the last runs: of the same subject in the same direction, else of the subject, else of all. */
function estimator({ own, all }: History, back: boolean): (subject: string, step: string) => number | null {
  const mine = Map.groupBy(own, ({ subject, step }) => `${subject} ${step}`);
  const everybodys = Map.groupBy(all, ({ step }) => step);
  return (subject, step) => {
    const runs = mine.get(`${subject} ${step}`) ?? everybodys.get(step) ?? [];
    const same = runs.filter((run) => run.back === back);
    return median((same.length > 0 ? same : runs).slice(0, RUNS).map(({ medianMs }) => medianMs));
  };
}

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((one, other) => one - other);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}
