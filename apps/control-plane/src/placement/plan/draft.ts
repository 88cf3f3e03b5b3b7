import type { Difference, PlannedStep, PlannedTarget } from "@evenkeel/contracts/change-plan";
import { isRefusal, type Refusal, refuse } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";
import type { Strategy } from "@evenkeel/contracts/strategy";
import type { BaseRow } from "../../base-cluster/index.ts";
import type { Draft } from "../../change/index.ts";
import { planBatches } from "../../change/plan/index.ts";
import { moduleStep } from "./steps.ts";
import { type BaseAim, basisOf, FETCH_MS, planBase } from "./target.ts";
import { answers, type PlacementWorld } from "./world.ts";

/** What a change of bases is made of. */
export interface Aims {
  readonly title: string;
  readonly group: string;
  readonly aims: readonly BaseAim[];
  readonly strategy: Strategy;
  readonly closing: readonly PlannedStep[];
  readonly warnings: readonly string[];
  /** What becomes different beside the modules of the bases. */
  readonly differences?: readonly Difference[];
  readonly payload: unknown;
  /** What each base gets beside its modules. */
  readonly more?: (base: BaseRow) => readonly PlannedStep[];
  /** A way back is walked also where nothing was altered: it ends what it is the way back of, and its closing steps put the placements right. */
  readonly isBack?: boolean;
}

/** The plan that brings bases to where they shall be, or why there is none. */
export function draftOf(world: PlacementWorld, wanted: Aims): Draft | Refusal {
  const { title, group, aims, strategy } = wanted;
  const planned = targetsOf(world, wanted);
  if (isRefusal(planned)) return planned;
  const together =
    planBatches(planned, strategy, group).length === 1 && new Set(planned.map(({ hostId }) => hostId)).size === 1;
  const targets = together ? planned.map(withoutStaging) : planned;
  if (targets.length === 0) return refuse("MODULES_SO", { title });
  if (!targets.some(({ online }) => online)) return refuse("BASES_OFFLINE", { count: targets.length });
  const applications = [...new Set(aims.map(({ base }) => base.application))];
  const names = (isSo: (base: BaseRow) => boolean): string =>
    aims.flatMap(({ base }) => (isSo(base) ? [base.name] : [])).join(", ");
  const away = names(({ online }) => !online);
  const gone = names((base) => base.online && !answers(base));
  return {
    title,
    // The base's own bits stay: what a rule says of its application holds for what runs in it.
    applications: applications.map((name) => ({
      name,
      fromRevisionId: null,
      packageDigest: null,
      buildpackDigest: null,
    })),
    opening: [],
    closing: [...wanted.closing],
    groups: [{ groupId: group, name: group, after: [], strategy, targetIds: targets.map(({ targetId }) => targetId) }],
    targets,
    basis: basisOf(aims),
    differences: [...differencesOf(targets), ...(wanted.differences ?? [])],
    missing: [],
    warnings: [
      ...wanted.warnings,
      ...(away === "" ? [] : [say("warning.base-away", { bases: away })]),
      ...(gone === "" ? [] : [say("warning.base-silent", { bases: gone })]),
    ],
    irreversible: null,
    fromRevisionId: null,
    toRevisionId: null,
    configurationDigest: null,
    expectedMs: null,
    payload: wanted.payload,
  };
}

/**
 * A stage is the time in which all hosts show that they can have the bundle, before the first is touched. On one host, in one batch, with one step that brings
 * the bundle itself, it would only be one more way there and back: until the new version is active the old one serves.
 */
function withoutStaging(target: PlannedTarget): PlannedTarget {
  const [step, ...more] = target.steps;
  if (step === undefined || more.length > 0 || target.stage.length === 0) return target;
  return { ...target, stage: [], steps: [{ ...step, timeoutMs: step.timeoutMs + FETCH_MS }] };
}

function targetsOf(world: PlacementWorld, { aims, more, isBack = false }: Aims): PlannedTarget[] | Refusal {
  const planned = (steps: (base: BaseRow) => readonly PlannedStep[]): PlannedTarget[] | Refusal => {
    const targets: PlannedTarget[] = [];
    for (const aim of aims) {
      const target = planBase(world, aim, steps(aim.base));
      if (isRefusal(target)) return target;
      if (target !== null) targets.push(target);
    }
    return targets;
  };
  const targets = planned((base) => more?.(base) ?? []);
  if (isRefusal(targets) || targets.length > 0 || !isBack) return targets;
  return planned(({ serviceId }) => [moduleStep(["query-modules", "query-modules"], { base: serviceId })]);
}

/** Bases that go the same way are one line; one whose modules stay as they are is none. */
function differencesOf(targets: readonly PlannedTarget[]): Difference[] {
  const altered = targets.filter(({ from, to }) => from !== null || to !== null);
  const ways = Map.groupBy(altered, ({ from, to }) => `${from} → ${to}`);
  return [...ways.values()].map((its) => {
    const [{ from, to } = { from: null, to: null }] = its;
    return {
      field:
        its.length === 1
          ? say("field.modules", { base: String(its[0]?.name) })
          : say("field.modules-many", { count: its.length }),
      from,
      to,
    };
  });
}
