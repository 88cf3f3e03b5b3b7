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
import type { ChangeDeps, Delivery, OutgoingCommand } from "../deps.ts";
import type { Facts, StepContext } from "../kind.ts";
import type { Snapshot } from "../snapshot.ts";
import { guarded } from "../store/savepoint.ts";
import type { ChangeRow } from "../store/snapshot.ts";
import { endAttempt, insertAttempt, insertAttempts, type NewAttempt } from "../store/step.ts";
import { attemptsOf, factsOf, plannedOf } from "../track.ts";

export interface Work {
  readonly tx: Transaction<Database>;
  readonly change: ChangeRow;
  readonly snapshot: Snapshot;
  /** What commands are fenced by: the generation of the installation, and this claim. */
  readonly fence: Fence;
  /** What goes to agents once this transaction is committed. */
  readonly deliveries: Delivery[];
}

type Dispatch = Extract<Decision, { kind: "dispatch" }>;

export const isForAgent = ({ at }: Dispatch): boolean => at.step.on === "agent";

function attemptOf({ change, snapshot }: Work, { targetId, at, previous }: Dispatch): NewAttempt {
  const onAgent = at.step.on === "agent";
  return {
    id: newId(StepId, "stp"),
    changeId: change.id,
    targetId,
    phase: at.phase,
    step: at.step,
    attempt: (previous?.attempt ?? 0) + 1,
    round: snapshot.targets.get(targetId)?.round ?? 1,
    state: onAgent ? "dispatched" : "running",
    commandId: onAgent ? newId(CommandId, "cmd") : null,
    facts: {},
  };
}

/** Where a step acts, and what is known there. */
export function contextOf({ tx, change, snapshot }: Work, targetId: string): StepContext {
  const planned = plannedOf(snapshot.plan, targetId);
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

/** Issues attempts of steps that agents do. */
export async function dispatchToAgents(deps: ChangeDeps, work: Work, dispatches: readonly Dispatch[]): Promise<void> {
  if (dispatches.length === 0) return;
  const attempts = dispatches.map((dispatch) => ({ dispatch, attempt: attemptOf(work, dispatch) }));
  const commands = attempts.map(({ dispatch, attempt }) => commandOf(deps, work, { attempt, dispatch }));
  await insertAttempts(
    work.tx,
    work.change.id,
    attempts.map(({ attempt }) => attempt),
  );
  work.deliveries.push(await deps.commands.enqueue(work.tx, commands));
}

function commandOf(
  deps: ChangeDeps,
  work: Work,
  { attempt, dispatch }: { readonly attempt: NewAttempt; readonly dispatch: Dispatch },
): OutgoingCommand {
  const context = contextOf(work, attempt.targetId);
  const kind = deps.registry.agentSteps.get(attempt.step.type);
  if (kind === undefined || context.hostId === null) throw new Error(`no agent step ${attempt.step.type}`);
  const { type, input } = kind.command(fillInput(attempt.step, context.targetFacts));
  const supersedes = dispatch.previous?.commandId ?? null;
  const command: Command = {
    commandId: attempt.commandId as CommandId,
    changeId: attempt.changeId,
    stepId: attempt.id,
    attempt: attempt.attempt,
    ...(supersedes === null ? {} : { supersedes }),
    slot: kind.slotless ? null : (context.slot as ServiceId | null),
    fence: work.fence,
    type,
    input,
    deadlineMs: attempt.step.timeoutMs,
  };
  return { tenantId: context.tenantId, hostId: context.hostId as HostId, command };
}

/** Issues an attempt of a step that the control plane does itself. */
export async function runControlStep(deps: ChangeDeps, work: Work, dispatch: Dispatch): Promise<void> {
  const attempt = attemptOf(work, dispatch);
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
