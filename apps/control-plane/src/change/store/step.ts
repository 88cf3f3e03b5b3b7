import type { Outcome } from "@evenkeel/contracts/agent-protocol";
import type { BlockedBy } from "@evenkeel/contracts/change";
import type { PlannedStep } from "@evenkeel/contracts/change-plan";
import type { StepState } from "@evenkeel/contracts/change-state";
import type { ChangeId, CommandId, StepId } from "@evenkeel/contracts/id";
import { json } from "@evenkeel/kit/sql";
import { sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";
import type { Phase } from "../snapshot.ts";
import { type NewEvent, writeWithEvents } from "./event.ts";
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
  await insertAttempts(tx, attempt.changeId, [attempt]);
}

/** Stores attempts of steps of one change. */
export async function insertAttempts(tx: Tx, changeId: ChangeId, attempts: readonly NewAttempt[]): Promise<void> {
  if (attempts.length === 0) return;
  const rows = attempts.map(({ step, ...attempt }) => ({ ...attempt, name: step.name, type: step.type }));
  await writeWithEvents(tx, changeId, {
    write: sql`insert into change_step (id, change_id, target_id, phase, name, type, attempt, round, state, command_id, facts, started_at)
      select id, ${changeId}, "targetId", phase, name, type, attempt, round, state, "commandId", facts,
        case when state = 'running' then clock_timestamp() end
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as made(id text, "targetId" text, phase text, name text,
        type text, attempt int, round int, state text, "commandId" text, facts jsonb)`,
    events: attempts.map(({ step: { name }, ...of }) =>
      stepEvent({ ...of, name }, { to: of.state, attempt: of.attempt }),
    ),
  });
}

interface NamedStep {
  readonly id: StepId;
  readonly targetId: string;
  readonly name: string;
}

const stepEvent = ({ id, targetId, name }: NamedStep, more: Record<string, unknown>): NewEvent => ({
  type: "step",
  data: { id, targetId, name, ...more },
});

export interface EndedAttempt extends NamedStep {
  readonly changeId: ChangeId;
  readonly from: StepState;
}

/** How an attempt ended, and what it found out. */
export interface AttemptEnd {
  readonly to: StepState;
  readonly outcome: Outcome | null;
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** Ends an attempt, with its outcome and what it found out. */
export async function endAttempt(tx: Tx, attempt: EndedAttempt, end: AttemptEnd): Promise<void> {
  await endAttempts(tx, attempt.changeId, [{ ...attempt, ...end }]);
}

/** Ends attempts of one change. */
export async function endAttempts(
  tx: Tx,
  changeId: ChangeId,
  ends: readonly (Omit<EndedAttempt, "changeId"> & AttemptEnd)[],
): Promise<void> {
  if (ends.length === 0) return;
  const rows = ends.map(({ id, to, outcome, facts }) => ({ id, state: to, outcome, facts }));
  await writeWithEvents(tx, changeId, {
    // An unknown step has not ended: its outcome may still come.
    write: sql`update change_step set state = ended.state, waiting_for = null, blocked_by = null,
        outcome = coalesce(ended.outcome, change_step.outcome), facts = change_step.facts || coalesce(ended.facts, '{}'),
        finished_at = case when ended.state = 'unknown' then change_step.finished_at else clock_timestamp() end
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as ended(id text, state text, outcome jsonb, facts jsonb)
      where change_step.id = ended.id`,
    events: ends.map((end) => stepEvent(end, { from: end.from, to: end.to, ...problemOf(end.outcome) })),
  });
}

const problemOf = (outcome: Outcome | null) =>
  outcome === null || outcome.kind === "succeeded" ? {} : { problem: outcome.problem };

/** The attempts that commands belong to, under the locks of their changes' rows. */
export async function lockSteps(tx: Tx, commandIds: readonly CommandId[]): Promise<StepRow[]> {
  const mine = sql<CommandId>`any(${commandIds})`;
  // The changes' rows first and in one order, as everybody does: then the steps cannot move, and nobody waits in a circle.
  await tx
    .selectFrom("change")
    .select("id")
    .where("id", "in", (eb) => eb.selectFrom("change_step").select("change_id").where("command_id", "=", mine))
    .orderBy("id")
    .forUpdate()
    .execute();
  return await tx.selectFrom("change_step").selectAll().where("command_id", "=", mine).execute();
}

/** The agents have begun. */
export async function markStarted(tx: Tx, changeId: ChangeId, steps: readonly StepRow[]): Promise<void> {
  const ids = steps.map(({ id }) => id);
  await writeWithEvents(tx, changeId, {
    write: sql`update change_step set state = 'running', started_at = clock_timestamp() where id = any(${ids})`,
    events: steps.map((step) => stepEvent({ ...step, targetId: step.target_id }, { from: step.state, to: "running" })),
  });
}

/** The agents are asked to take these commands back. */
export async function markRevoking(tx: Tx, stepIds: readonly StepId[]): Promise<void> {
  await sql`update change_step set revoking = true where id = any(${stepIds})`.execute(tx);
}

/** Says what a step waits for; writes only what is news. */
export async function noteWaiting(
  tx: Tx,
  stepId: StepId,
  { waitingFor, blockedBy }: { readonly waitingFor: string; readonly blockedBy?: BlockedBy },
): Promise<void> {
  const blocked = blockedBy === undefined ? null : json(blockedBy);
  await sql`update change_step set waiting_for = ${waitingFor}, blocked_by = ${blocked}
    where id = ${stepId} and (waiting_for, blocked_by) is distinct from (${waitingFor}, ${blocked}::jsonb)`.execute(tx);
}
