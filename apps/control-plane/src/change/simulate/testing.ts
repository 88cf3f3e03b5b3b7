import type { Plan, PlannedStep } from "@evenkeel/contracts/change-plan";
import type { ChangeState, StepState, TargetState } from "@evenkeel/contracts/change-state";
import { problemOf } from "@evenkeel/contracts/error";
import { ChangeId, CommandId, HostId, newId, StepId } from "@evenkeel/contracts/id";
import { Strategy } from "@evenkeel/contracts/strategy";
import type { Decision } from "../decide.ts";
import type { Draft } from "../kind.ts";
import { freeze } from "../plan.ts";
import { CLOSING, type HostView, OPENING, type Snapshot, type StepAttempt } from "../snapshot.ts";

// Changes in memory, as decisions see them: no database, no hosts.

export const hosts: HostView = { away: () => false, lost: () => false };
export const allLost: HostView = { away: () => true, lost: () => true };
export const allAway: HostView = { away: () => true, lost: () => false };

export const step = (name: string, more: Partial<PlannedStep> = {}): PlannedStep => ({
  name,
  on: "agent",
  type: name,
  input: {},
  timeoutMs: 1000,
  repeatable: false,
  retryFrom: null,
  traffic: null,
  ...more,
});

export const NAMES = ["h1", "h2", "h3", "h4"];
const HOST_IDS = new Map(NAMES.map((name) => [name, newId(HostId, "host")]));

/** A plan over hosts in two zones: fetch; stop, and start, which gives traffic. */
function planOf(groups: readonly GroupOf[]): Plan {
  const draft: Draft = {
    title: "test",
    opening: [],
    closing: [],
    groups: groups.map(({ groupId, after, strategy, names }) => ({
      ...{ groupId, name: groupId, after, strategy: Strategy.parse(strategy), targetIds: names },
    })),
    targets: NAMES.map((name, index) => ({
      targetId: name,
      name,
      hostId: HOST_IDS.get(name) ?? null,
      zone: index < 2 ? "a" : "b",
      cell: null,
      slot: null,
      online: true,
      from: "1",
      to: "2",
      stage: [step("fetch")],
      steps: [step("stop"), step("start", { retryFrom: "stop", gated: true })],
      clean: [step("sweep")],
      reattach: [],
      facts: {},
    })),
    basis: [],
    differences: [],
    missing: [],
    warnings: [],
    irreversible: null,
    applications: [],
    fromRevisionId: null,
    toRevisionId: null,
    configurationDigest: null,
    expectedMs: null,
    payload: null,
  };
  return freeze("test", draft, []);
}

/** Some of the four targets. */
export interface GroupOf {
  readonly groupId: string;
  readonly after: readonly string[];
  readonly strategy: object;
  readonly names: readonly string[];
}

/** What of a change is otherwise than at its start. */
export interface World {
  readonly state?: ChangeState;
  readonly strategy?: object;
  /** In the place of one group of all. */
  readonly groups?: readonly GroupOf[];
  readonly targets?: Partial<Record<string, TargetState>>;
  readonly steps?: readonly (readonly [target: string, name: string, state: StepState])[];
  readonly batches?: Partial<
    Record<
      string,
      Partial<{ started: boolean; finished: boolean; bakedMs: number; watchedMs: number; confirmed: boolean }>
    >
  >;
  readonly more?: Partial<Snapshot>;
}

const problem = problemOf("START_FAILED", { exit: "1" });
const LOST = ["failed", "interrupted", "unknown"];

function attemptOf([targetId, name, state]: readonly [string, string, StepState], index: number): StepAttempt {
  const phase = name === "fetch" ? "stage" : name === "sweep" ? "clean" : "run";
  const lost = LOST.includes(state);
  return {
    id: newId(StepId, "stp"),
    targetId,
    phase,
    name,
    attempt: index + 1,
    round: 1,
    state,
    commandId: newId(CommandId, "cmd"),
    revoking: false,
    elapsedMs: 0,
    outcome: lost ? { kind: "failed", problem, elapsedMs: 1 } : null,
    facts: {},
  };
}

/** A change in a state, as the worker would read it. */
export function snapshotOf({
  state = "running",
  strategy = { batches: "each" },
  groups = [{ groupId: "g", after: [], strategy, names: NAMES }],
  targets = {},
  steps = [],
  batches = {},
  more = {},
}: World): Snapshot {
  const plan = planOf(groups);
  const fresh = { round: 1, fromIndex: 0, reattach: false };
  const attempts = steps.map(attemptOf);
  const track = (targetId: string) => ({ targetId, state: "staged" as const, problem: null, ...fresh });
  return {
    changeId: newId(ChangeId, "chg"),
    state,
    plan,
    isRollback: false,
    pauseMode: "targets",
    pauseCause: "person",
    idle: { mark: null, ms: 0 },
    rollback: null,
    targets: new Map([
      [OPENING, track(OPENING)],
      [CLOSING, track(CLOSING)],
      ...NAMES.map((name) => {
        const targetState = targets[name] ?? "pending";
        return [
          name,
          { ...track(name), state: targetState, problem: LOST.includes(targetState) ? problem : null },
        ] as const;
      }),
    ]),
    batches: new Map(
      plan.groups
        .flatMap((group) => group.batches)
        .map(({ batchId }) => [
          batchId,
          { batchId, confirmed: false, bakedMs: 0, started: false, finished: false, watchedMs: 0, ...batches[batchId] },
        ]),
    ),
    attempts,
    verdicts: [],
    ...more,
  };
}

export const short = (decision: Decision): string => {
  switch (decision.kind) {
    case "dispatch":
      return `${decision.targetId}:${decision.at.step.name}`;
    case "target":
      return `${decision.targetId}=${decision.to}`;
    case "batch":
      return `${decision.batchId} ${decision.to}`;
    case "change":
      return `change ${decision.to}`;
    case "step":
      return `step ${decision.to}`;
    case "revoke":
      return `revoke ${decision.attempt.name}`;
    case "begin-rollback":
      return "begin-rollback";
    case "look":
    case "ask":
    case "unanswered":
      return `${decision.kind} ${decision.batchId} ${decision.guard}`;
    default:
      return decision satisfies never;
  }
};
