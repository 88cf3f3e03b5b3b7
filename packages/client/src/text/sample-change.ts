import type { BatchView, Change, StepView, TargetView } from "@evenkeel/contracts/change";
import type { Plan, PlannedTarget } from "@evenkeel/contracts/change-plan";
import { problemOf } from "@evenkeel/contracts/error";
import { ChangeId, Digest, HostId, newId, StepId, WorkspaceId } from "@evenkeel/contracts/id";
import { Strategy } from "@evenkeel/contracts/strategy";

/** Values of the contracts for tests of what is drawn from them. */
export const T0 = Date.parse("2026-01-01T00:00:00.000Z");
export const at = (seconds: number): string => new Date(T0 + seconds * 1000).toISOString();

export function sampleStep(name: string, state: StepView["state"], more: Partial<StepView> = {}): StepView {
  const began = state === "pending" ? null : at(1);
  return {
    ...{ id: newId(StepId, "stp"), name, type: name, on: "agent", phase: "run", attempt: 1, state, startedAt: began },
    ...{ finishedAt: state === "succeeded" || state === "failed" ? at(2) : null, waitingFor: null, outcome: null },
    causes: [],
    ...more,
  };
}

export function sampleTarget(name: string, state: TargetView["state"], more: Partial<TargetView> = {}): TargetView {
  const over = state === "succeeded" || state === "failed";
  return {
    ...{ targetId: name, name, hostId: newId(HostId, "host"), zone: "a", state, traffic: "attached" },
    ...{ from: "1.0.0", to: "2.0.0", startedAt: state === "pending" ? null : at(1), finishedAt: over ? at(3) : null },
    ...{ problem: null, steps: [], allowedActions: [] },
    ...more,
  };
}

function countsOf(targets: readonly TargetView[]): BatchView["targetCounts"] {
  const of = (state: TargetView["state"]) => targets.filter((target) => target.state === state).length;
  const counts = { succeeded: of("succeeded"), failed: of("failed"), running: of("running"), pending: of("pending") };
  const moves = targets.filter(({ hostId }) => hostId === null).length;
  return {
    total: targets.length,
    moves,
    ...counts,
    skipped: of("skipped"),
    offline: of("offline"),
    unknown: of("unknown"),
  };
}

export function sampleBatch(name: string, state: BatchView["state"], targets: readonly TargetView[]): BatchView {
  const began = state === "pending" ? null : at(1);
  return {
    ...{ batchId: `hello/${name}`, name, beta: name === "beta", state, gate: null, confirmed: false, bakeMs: 3000 },
    ...{
      bakedMs: 1000,
      bakesUntil: state === "baking" ? at(3) : null,
      startedAt: began,
      finishedAt: state === "succeeded" ? at(4) : null,
      targets: [...targets],
    },
    targetCounts: countsOf(targets),
    guards: [],
    allowedActions: [],
  };
}

export function sampleChange(
  state: Change["state"],
  batches: readonly BatchView[],
  more: Partial<Change> = {},
): Change {
  const targets = {
    total: 0,
    succeeded: 0,
    failed: 0,
    running: 0,
    pending: 0,
    skipped: 0,
    offline: 0,
    unknown: 0,
  };
  const group = { groupId: "hello", name: "hello", state: "running" as const, after: [], allowedActions: [] };
  return {
    ...{ id: newId(ChangeId, "chg"), workspaceId: newId(WorkspaceId, "wsp"), kind: "release-order" },
    ...{
      title: "hello: release 2.0.0",
      state,
      stateSince: at(5),
      problem: null,
      causes: [],
      waitingFor: null,
      reason: null,
    },
    ...{ createdBy: "ann", createdAt: at(0), startedAt: at(0), finishedAt: null, rollbackOf: null },
    ...{ rollbackChangeId: null, rolledBackBy: null, planDigest: Digest.parse(`sha256:${"0".repeat(64)}`), targets },
    ...{
      allowedActions: [],
      spec: {},
      sequence: 1,
      locks: [],
      services: [],
      opening: [],
      closing: [],
      warnings: [],
      leftBehind: [],
    },
    groups: [{ ...group, batches: [...batches] }],
    ...more,
  };
}

/** A host on which the application answered 500. */
export function brokenTarget(name: string): TargetView {
  const problem = problemOf("HEALTH_TIMEOUT", { seconds: 8, problem: "GET /healthz answered 500" });
  const output = { head: "hello 3.0.0 listens\n", gapBytes: 0, tail: "cannot open the price list\n" };
  const outcome = { kind: "failed" as const, problem, elapsedMs: 8000, output, exitCode: null };
  return sampleTarget(name, "failed", {
    problem,
    steps: [
      sampleStep("start", "succeeded"),
      sampleStep("await-health", "failed", { outcome }),
      sampleStep("attach", "pending"),
    ],
  });
}

export function samplePlan(more: Partial<Plan> = {}): Plan {
  const step = (name: string) => ({
    ...{ name, on: "agent" as const, type: name, input: {}, timeoutMs: 1000, repeatable: true, retryFrom: null },
    traffic: null,
  });
  const target = (name: string, zone: string): PlannedTarget => ({
    ...{ targetId: name, name, zone, hostId: newId(HostId, "host"), cell: null, slot: null, online: true },
    ...{ from: "1.0.0", to: "2.0.0", stage: [step("fetch")], steps: [step("start"), step("attach")], clean: [] },
    ...{ reattach: [], facts: {} },
  });
  const batch = (name: string, targetIds: string[]) => ({
    ...{ batchId: name, name, beta: name === "beta", gate: null, bakeMs: 3000, targetIds },
  });
  return {
    ...{ kind: "release-order", title: "hello: release 2.0.0", services: [], opening: [step("prepare")], closing: [] },
    groups: [
      {
        ...{ groupId: "hello", name: "hello", after: [], strategy: Strategy.parse({}) },
        batches: [batch("beta", ["local-1"]), { ...batch("zone b", ["local-3"]), gate: "start" }],
      },
    ],
    targets: [target("local-1", "a"), target("local-3", "b")],
    locks: [{ resource: "service/hello/revision", mode: "exclusive", label: "service hello" }],
    ...{ basis: [], differences: [{ field: "version", from: "1.0.0", to: "2.0.0" }], missing: [], warnings: [] },
    ...{
      applications: [],
      irreversible: null,
      fromRevisionId: null,
      toRevisionId: null,
      configurationDigest: null,
      expectedMs: null,
    },
    payload: {},
    ...more,
  };
}
