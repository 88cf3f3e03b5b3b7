import type { Outcome } from "@evenkeel/contracts/agent-protocol";
import type { PlannedStep } from "@evenkeel/contracts/change-plan";
import type { StepState } from "@evenkeel/contracts/change-state";
import type { ChangeId, CommandId, StepId } from "@evenkeel/contracts/id";
import { sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";
import type { Phase } from "../snapshot.ts";
import { NOW } from "./change.ts";
import { appendEvents, type NewEvent } from "./event.ts";
import type { StepRow } from "./snapshot.ts";

type Tx = Transaction<Database>;

export interface NewAttempt {
  readonly id: StepId;
  readonly changeId: ChangeId;
  readonly targetId: string;
  readonly phase: Phase;
  readonly step: PlannedStep;
  readonly attempt: number;
  readonly round: number;
  readonly state: "dispatched" | "running";
  readonly commandId: CommandId | null;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Stores one attempt of a step. */
export async function insertAttempt(tx: Tx, attempt: NewAttempt): Promise<void> {
  await tx
    .insertInto("change_step")
    .values({
      id: attempt.id,
      change_id: attempt.changeId,
      target_id: attempt.targetId,
      phase: attempt.phase,
      name: attempt.step.name,
      type: attempt.step.type,
      attempt: attempt.attempt,
      round: attempt.round,
      state: attempt.state,
      command_id: attempt.commandId,
      waiting_for: null,
      facts: JSON.stringify(attempt.facts),
      started_at: attempt.state === "running" ? sql<string>`clock_timestamp()` : null,
    })
    .execute();
  await appendEvents(tx, attempt.changeId, [stepEvent(attempt, { to: attempt.state, attempt: attempt.attempt })]);
}

function stepEvent(
  step: { readonly id: StepId; readonly targetId: string; readonly step: { readonly name: string } },
  more: Record<string, unknown>,
): NewEvent {
  return { type: "step", data: { id: step.id, targetId: step.targetId, name: step.step.name, ...more } };
}

export interface EndedAttempt {
  readonly id: StepId;
  readonly changeId: ChangeId;
  readonly targetId: string;
  readonly name: string;
  readonly from: StepState;
}

/** Ends an attempt, with its outcome and what it found out. */
export async function endAttempt(
  tx: Tx,
  attempt: EndedAttempt,
  end: { readonly to: StepState; readonly outcome: Outcome | null; readonly facts?: Readonly<Record<string, unknown>> },
): Promise<void> {
  await tx
    .updateTable("change_step")
    .set({
      state: end.to,
      waiting_for: null,
      ...(end.outcome === null ? {} : { outcome: JSON.stringify(end.outcome) }),
      ...(end.facts === undefined ? {} : { facts: sql<string>`facts || ${JSON.stringify(end.facts)}::jsonb` }),
      // An unknown step has not ended: its outcome may still come.
      ...(end.to === "unknown" ? {} : { finished_at: NOW }),
    })
    .where("id", "=", attempt.id)
    .execute();
  const problem = end.outcome !== null && end.outcome.kind !== "succeeded" ? { problem: end.outcome.problem } : {};
  await appendEvents(tx, attempt.changeId, [
    {
      type: "step",
      data: {
        id: attempt.id,
        targetId: attempt.targetId,
        name: attempt.name,
        from: attempt.from,
        to: end.to,
        ...problem,
      },
    },
  ]);
}

/** The attempt that a command belongs to, under the lock of its change's row; null = none does. */
export async function lockStep(tx: Tx, commandId: CommandId): Promise<StepRow | null> {
  // The change's row first, as everybody does: then the step's cannot move, and nobody waits in a circle.
  await tx
    .selectFrom("change")
    .select("id")
    .where("id", "=", (eb) => eb.selectFrom("change_step").select("change_id").where("command_id", "=", commandId))
    .forUpdate()
    .execute();
  const step = await tx.selectFrom("change_step").selectAll().where("command_id", "=", commandId).executeTakeFirst();
  return step ?? null;
}

/** The agent has begun. */
export async function markStarted(tx: Tx, step: StepRow): Promise<void> {
  await tx.updateTable("change_step").set({ state: "running", started_at: NOW }).where("id", "=", step.id).execute();
  const data = { id: step.id, targetId: step.target_id, name: step.name, from: step.state, to: "running" };
  await appendEvents(tx, step.change_id, [{ type: "step", data }]);
}

/** The agent is asked to take the command back. */
export async function markRevoking(tx: Tx, stepId: StepId): Promise<void> {
  await tx.updateTable("change_step").set({ revoking: true }).where("id", "=", stepId).execute();
}

/** Says what a step waits for; writes only what is news. */
export async function noteWaiting(tx: Tx, stepId: StepId, waitingFor: string): Promise<void> {
  await tx
    .updateTable("change_step")
    .set({ waiting_for: waitingFor })
    .where("id", "=", stepId)
    .where("waiting_for", "is distinct from", waitingFor)
    .execute();
}
