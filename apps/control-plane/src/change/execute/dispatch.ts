/**
 * Invariants:
 * 1. The row of the attempt and its effect (outbox row, or the control step's own writes) are one transaction: both or none.
 * 2. Attempt N + 1 names the attempt that it supersedes; it is issued only after N ended or was taken back.
 */
import type { Command, Fence } from "@evenkeel/contracts/agent-protocol";
import type { PlannedStep } from "@evenkeel/contracts/change-plan";
import { CommandId, type HostId, newId, type ServiceId, StepId } from "@evenkeel/contracts/id";
import type { Transaction } from "kysely";
import type { Database } from "../../database.ts";
import type { Decision } from "../decide.ts";
import type { ChangeDeps } from "../deps.ts";
import type { Facts, StepContext } from "../kind.ts";
import type { Snapshot } from "../snapshot.ts";
import { guarded } from "../store/savepoint.ts";
import type { ChangeRow } from "../store/snapshot.ts";
import { endAttempt, insertAttempt, type NewAttempt } from "../store/step.ts";
import { attemptsOf, factsOf } from "../track.ts";

export interface Work {
  readonly tx: Transaction<Database>;
  readonly change: ChangeRow;
  readonly snapshot: Snapshot;
  /** What commands are fenced by: the generation of the installation, and this claim. */
  readonly fence: Fence;
}

type Dispatch = Extract<Decision, { kind: "dispatch" }>;

/** Issues one attempt of a step. */
export async function dispatch(deps: ChangeDeps, work: Work, decision: Dispatch): Promise<void> {
  const { snapshot, change } = work;
  const { targetId, at, previous } = decision;
  const attempt: NewAttempt = {
    id: newId(StepId, "stp"),
    changeId: change.id,
    targetId,
    phase: at.phase,
    step: at.step,
    attempt: (previous?.attempt ?? 0) + 1,
    round: snapshot.targets.get(targetId)?.round ?? 1,
    state: at.step.on === "agent" ? "dispatched" : "running",
    commandId: at.step.on === "agent" ? newId(CommandId, "cmd") : null,
    facts: {},
  };
  if (at.step.on === "agent") await sendCommand(deps, work, { attempt, previous });
  else await runControlStep(deps, work, attempt);
}

/** Where a step acts, and what is known there. */
export function contextOf({ tx, change, snapshot }: Work, targetId: string): StepContext {
  const planned = snapshot.plan.targets.find((target) => target.targetId === targetId);
  return {
    tx,
    tenantId: change.tenant_id,
    workspaceId: change.workspace_id,
    changeId: change.id,
    hostId: planned?.hostId ?? null,
    slot: planned?.slot ?? null,
    targetFacts: factsOf(planned?.facts ?? {}, attemptsOf(snapshot, targetId)),
  };
}

/** `{"fact": "port"}` in a planned input stands for what the target's steps found out. */
export function fillInput(step: PlannedStep, facts: Facts): Facts {
  return Object.fromEntries(
    Object.entries(step.input).map(([name, value]) => {
      const fact = typeof value === "object" && value !== null && "fact" in value ? value.fact : null;
      return [name, typeof fact === "string" ? facts[fact] : value];
    }),
  );
}

async function sendCommand(
  deps: ChangeDeps,
  work: Work,
  { attempt, previous }: { readonly attempt: NewAttempt; readonly previous: Dispatch["previous"] },
): Promise<void> {
  const context = contextOf(work, attempt.targetId);
  const kind = deps.registry.agentSteps.get(attempt.step.type);
  if (kind === undefined || context.hostId === null) throw new Error(`no agent step ${attempt.step.type}`);
  const { type, input } = kind.command(fillInput(attempt.step, context.targetFacts));
  const command: Command = {
    commandId: attempt.commandId as CommandId,
    changeId: attempt.changeId,
    stepId: attempt.id,
    attempt: attempt.attempt,
    ...(previous?.commandId == null ? {} : { supersedes: previous.commandId }),
    slot: kind.slotless ? null : (context.slot as ServiceId | null),
    fence: work.fence,
    type,
    input,
    deadlineMs: attempt.step.timeoutMs,
  };
  await insertAttempt(work.tx, attempt);
  await deps.commands.enqueue(work.tx, [{ tenantId: context.tenantId, hostId: context.hostId as HostId, command }]);
}

async function runControlStep(deps: ChangeDeps, work: Work, attempt: NewAttempt): Promise<void> {
  const step = deps.registry.controlSteps.get(attempt.step.type);
  if (step === undefined) throw new Error(`no control step ${attempt.step.type}`);
  const context = contextOf(work, attempt.targetId);
  const result = await guarded(work.tx, () => step.run(fillInput(attempt.step, context.targetFacts), context));
  if ("problem" in result) {
    await insertAttempt(work.tx, attempt);
    await endAttempt(
      work.tx,
      { ...attempt, name: attempt.step.name, from: "running" },
      { to: "failed", outcome: { kind: "failed", problem: result.problem, elapsedMs: 0 } },
    );
    return;
  }
  await insertAttempt(work.tx, { ...attempt, facts: result.value });
}
