/**
 * Invariants:
 * 1. The row of the attempt and its effect (outbox row, or the control step's own writes) are one transaction: both or none.
 * 2. Attempt N + 1 names the attempt that it supersedes; it is issued only after N ended or was taken back.
 */
import type { Command, Fence } from "@evenkeel/contracts/agent-protocol";
import type { PlannedStep } from "@evenkeel/contracts/change-plan";
import type { Problem } from "@evenkeel/contracts/error";
import { CommandId, newId, StepId } from "@evenkeel/contracts/id";
import type { Transaction } from "kysely";
import type { Database } from "../../database.ts";
import type { Decision } from "../decide.ts";
import type { ChangeDeps, Delivery, OutgoingCommand } from "../deps.ts";
import type { AgentErrand, AgentStep, Facts, StepContext } from "../kind.ts";
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

/** A step that goes to an agent, with all that its command is made of. */
interface Issue {
  readonly dispatch: Dispatch;
  readonly attempt: NewAttempt;
  readonly kind: AgentStep;
  readonly errand: AgentErrand;
}

/** Issues attempts of steps that agents do; what stands against one is its end. Answers whether nothing stood against any. */
export async function dispatchToAgents(
  deps: ChangeDeps,
  work: Work,
  dispatches: readonly Dispatch[],
): Promise<boolean> {
  if (dispatches.length === 0) return true;
  const issues = dispatches.map((dispatch) => issueOf(deps, work, dispatch));
  const problems = await objectionsTo(work, issues);
  for (const { attempt } of issues) {
    const problem = problems.get(attempt);
    if (problem !== undefined) await recordFailure(work, attempt, problem);
  }
  const free = issues.filter(({ attempt }) => !problems.has(attempt));
  if (free.length === 0) return false;
  await insertAttempts(
    work.tx,
    work.change.id,
    free.map(({ attempt }) => attempt),
  );
  const commands = free.map((issue) => commandOf(work, issue));
  work.deliveries.push(await deps.commands.enqueue(work.tx, commands));
  return problems.size === 0;
}

function issueOf(deps: ChangeDeps, work: Work, dispatch: Dispatch): Issue {
  const attempt = attemptOf(work, dispatch);
  const { hostId, slot, targetFacts } = contextOf(work, attempt.targetId);
  const kind = deps.registry.agentSteps.get(attempt.step.type);
  if (kind === undefined || hostId === null) throw new Error(`no agent step ${attempt.step.type}`);
  return { dispatch, attempt, kind, errand: { hostId, slot, input: fillInput(attempt.step, targetFacts) } };
}

/** One question for all steps of a type. */
async function objectionsTo({ tx }: Work, issues: readonly Issue[]): Promise<ReadonlyMap<NewAttempt, Problem>> {
  const found = new Map<NewAttempt, Problem>();
  for (const [kind, of] of Map.groupBy(issues, (issue) => issue.kind)) {
    const errands = of.map(({ errand }) => errand);
    const problems = (await kind.objections?.(errands, tx)) ?? [];
    of.forEach(({ attempt }, index) => {
      const problem = problems[index] ?? null;
      if (problem !== null) found.set(attempt, problem);
    });
  }
  return found;
}

/** An attempt that never was more than one. */
async function recordFailure({ tx }: Work, attempt: NewAttempt, problem: Problem): Promise<void> {
  await insertAttempt(tx, { ...attempt, state: "running", commandId: null });
  await endAttempt(
    tx,
    { ...attempt, name: attempt.step.name, from: "running" },
    { to: "failed", outcome: { kind: "failed", problem, elapsedMs: 0 } },
  );
}

function commandOf({ change, fence }: Work, { attempt, dispatch, kind, errand }: Issue): OutgoingCommand {
  const { type, input } = kind.command(errand.input);
  const supersedes = dispatch.previous?.commandId ?? null;
  const command: Command = {
    commandId: attempt.commandId as CommandId,
    changeId: attempt.changeId,
    stepId: attempt.id,
    attempt: attempt.attempt,
    ...(supersedes === null ? {} : { supersedes }),
    slot: kind.slotless ? null : errand.slot,
    fence,
    type,
    input,
    deadlineMs: attempt.step.timeoutMs,
  };
  return { tenantId: change.tenant_id, hostId: errand.hostId, command };
}

/** Issues an attempt of a step that the control plane does itself. */
export async function runControlStep(deps: ChangeDeps, work: Work, dispatch: Dispatch): Promise<void> {
  const attempt = attemptOf(work, dispatch);
  const step = deps.registry.controlSteps.get(attempt.step.type);
  if (step === undefined) throw new Error(`no control step ${attempt.step.type}`);
  const context = contextOf(work, attempt.targetId);
  const result = await guarded(work.tx, () => step.run(fillInput(attempt.step, context.targetFacts), context));
  if ("problem" in result) return await recordFailure(work, attempt, result.problem);
  await insertAttempt(work.tx, { ...attempt, facts: result.value });
}
