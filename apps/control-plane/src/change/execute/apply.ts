import type { Outcome } from "@evenkeel/contracts/agent-protocol";
import { type ChangeState, isTerminal } from "@evenkeel/contracts/change-state";
import { say } from "@evenkeel/contracts/phrase";
import type { Decision } from "../decide.ts";
import type { ChangeDeps } from "../deps.ts";
import { automaticRollback } from "../rollback.ts";
import { leftBehindLines } from "../show/left-behind.ts";
import { mayGo, TARGET_ARROWS } from "../state.ts";
import { markRolledBack, moveChange, storeLeftBehind, wake } from "../store/change.ts";
import { recordDurations } from "../store/duration.ts";
import { findChange } from "../store/known-plan.ts";
import { releaseLocks } from "../store/lock.ts";
import { markBatch, moveTargets } from "../store/progress.ts";
import { readRows, snapshotOf } from "../store/snapshot.ts";
import { endAttempts, markRevoking } from "../store/step.ts";
import { plannedOf } from "../track.ts";
import { beginRollback } from "./begin-rollback.ts";
import { dispatchToAgents, isForAgent, runControlStep, type Work } from "./dispatch.ts";
import { applyGuard } from "./look.ts";

/**
 * Writes decisions; those that come in numbers are one statement each, the states of targets before the steps that follow.
 * Answers whether all steps for agents left: what stood against one has ended it already.
 */
export async function applyAll(deps: ChangeDeps, work: Work, decisions: readonly Decision[]): Promise<boolean> {
  await applyTargets(
    work,
    decisions.filter((decision) => decision.kind === "target"),
  );
  await loseSteps(
    work,
    decisions.filter((decision) => decision.kind === "step"),
  );
  await revoke(
    deps,
    work,
    decisions.filter((decision) => decision.kind === "revoke"),
  );
  const forAgents = decisions.filter((decision) => decision.kind === "dispatch").filter(isForAgent);
  const left = await dispatchToAgents(deps, work, forAgents);
  for (const decision of decisions) await applyOne(deps, work, decision);
  return left;
}

async function applyOne(deps: ChangeDeps, work: Work, decision: Decision): Promise<void> {
  switch (decision.kind) {
    case "dispatch":
      return isForAgent(decision) ? undefined : await runControlStep(deps, work, decision);
    case "step":
    case "revoke":
    case "target":
      return;
    case "batch": {
      const batches = work.snapshot.plan.groups.flatMap((group) => group.batches);
      const name = batches.find(({ batchId }) => batchId === decision.batchId)?.name ?? decision.batchId;
      return await markBatch(work.tx, { changeId: work.change.id, batchId: decision.batchId, name }, decision.to);
    }
    case "change":
      return await applyChange(deps, work, decision);
    case "begin-rollback":
      return await beginRollback(deps, work);
    case "look":
    case "ask":
    case "unanswered":
      return await applyGuard(deps, work, decision);
    default:
      return decision satisfies never;
  }
}

async function loseSteps(work: Work, decisions: readonly Extract<Decision, { kind: "step" }>[]): Promise<void> {
  const lost = new Map(decisions.map((decision) => [decision.stepId, decision]));
  const ends = work.snapshot.attempts.flatMap((attempt) => {
    const decision = lost.get(attempt.id);
    if (decision === undefined) return [];
    const outcome: Outcome = { kind: "interrupted", problem: decision.problem, elapsedMs: attempt.elapsedMs };
    return [{ ...attempt, from: attempt.state, facts: {}, to: decision.to, outcome }];
  });
  await endAttempts(work.tx, work.change.id, ends);
}

type Revocation = Extract<Decision, { kind: "revoke" }>;

async function revoke(deps: ChangeDeps, work: Work, decisions: readonly Revocation[]): Promise<void> {
  if (decisions.length === 0) return;
  const attempts = decisions.map(({ attempt }) => attempt);
  await markRevoking(
    work.tx,
    attempts.map(({ id }) => id),
  );
  await deps.commands.revoke(
    work.tx,
    attempts.flatMap(({ commandId }) => commandId ?? []),
  );
}

async function applyTargets(work: Work, decisions: readonly Extract<Decision, { kind: "target" }>[]): Promise<void> {
  const { tx, change, snapshot } = work;
  const moves = decisions.map(({ targetId, to, problem }) => {
    const from = snapshot.targets.get(targetId)?.state ?? "pending";
    if (!mayGo(TARGET_ARROWS, from, to)) throw new Error(`no arrow from ${from} to ${to} (target ${targetId})`);
    const name = plannedOf(snapshot.plan, targetId)?.name ?? targetId;
    return { targetId, name, from, to, problem };
  });
  await moveTargets(tx, change.id, moves);
}

async function applyChange(
  deps: ChangeDeps,
  work: Work,
  decision: Extract<Decision, { kind: "change" }>,
): Promise<void> {
  const { tx, change } = work;
  const { to, problem, pauseCause } = decision;
  if (to === "closed") await storeLeftBehind(tx, change.id, await leftByRollback(work));
  const reason = problem === null ? say("reason.budget") : problem.title;
  await moveChange(tx, change, {
    to,
    // A pause or an end keeps the problem that led to it.
    ...(problem === null && to !== "succeeded" ? {} : { problem }),
    ...(pauseCause === undefined ? {} : { pauseCause, pauseMode: "targets" }),
    ...(to === "rolling-back" ? { rollbackDemand: automaticRollback(reason) } : {}),
  });
  if (isTerminal(to)) await finish(deps, work, to);
}

/** Its rollback ended without having finished: where both together left the targets. */
async function leftByRollback({ tx, change, snapshot }: Work): Promise<string[]> {
  if (change.rollback_change_id === null) return leftBehindLines(snapshot);
  const rollback = await findChange(tx, change.tenant_id, change.rollback_change_id);
  return leftBehindLines(snapshot, snapshotOf(await readRows(tx, rollback)));
}

/** Locks are given back, the agents may forget, and who waits for the end of changes is told. */
export async function finish(
  deps: ChangeDeps,
  work: Pick<Work, "tx" | "change" | "snapshot">,
  state: ChangeState,
): Promise<void> {
  const { tx, change, snapshot } = work;
  await releaseLocks(tx, change.id);
  if (state === "succeeded") await recordDurations(tx, change);
  await deps.commands.forget(tx, change.id);
  const targets = new Map([...snapshot.targets].map(([targetId, target]) => [targetId, target.state]));
  const { id: changeId, tenant_id: tenantId, workspace_id: workspaceId, plan } = change;
  for (const told of deps.onEnded) await told(tx, { changeId, tenantId, workspaceId, state, plan, targets });
  if (change.rollback_of === null) return;
  await wake(tx, change.rollback_of);
  if (state === "succeeded") await markRolledBack(tx, change.rollback_of, change.id);
}
