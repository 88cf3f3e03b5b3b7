import type { ChangeEvent, StepOutput } from "@evenkeel/contracts/change";
import type { ChangeId, StepId } from "@evenkeel/contracts/id";
import { type Kysely, type OperationNodeSource, type RawBuilder, sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";

export type NewEvent = Pick<ChangeEvent, "type" | "data">;

/** Appends events under the lock of the change's row: numbers without gaps, and a commit order that watchers may trust. */
export async function appendEvents(
  tx: Transaction<Database>,
  changeId: ChangeId,
  events: readonly NewEvent[],
): Promise<void> {
  if (events.length > 0) await sql`with ${numbered(changeId, events)}`.execute(tx);
}

/** The same, and wakes a worker in the same statement. */
export async function appendAndWake(
  tx: Transaction<Database>,
  changeId: ChangeId,
  events: readonly NewEvent[],
): Promise<void> {
  await sql`with ${numbered(changeId, events, ["change_event", "change"])}`.execute(tx);
}

/** The same in one statement with what they tell of; that may be anything but the change's own row. */
export async function writeWithEvents(
  tx: Transaction<Database>,
  changeId: ChangeId,
  { write, events }: { readonly write: OperationNodeSource; readonly events: readonly NewEvent[] },
): Promise<void> {
  if (events.length === 0) await sql`${write}`.execute(tx);
  else await sql`with written as (${write}), ${numbered(changeId, events)}`.execute(tx);
}

function numbered(changeId: ChangeId, events: readonly NewEvent[], told = ["change_event"]): RawBuilder<unknown> {
  return sql`numbered as (
      update change set sequence = sequence + ${events.length} where id = ${changeId} returning sequence
    ), stored as (
      insert into change_event (change_id, sequence, type, data)
      select ${changeId}, numbered.sequence - ${events.length} + event.position, event.value ->> 'type', event.value -> 'data'
      from numbered, jsonb_array_elements(${JSON.stringify(events)}::jsonb) with ordinality as event(value, position)
    )
    select ${sql.join(told.map((channel) => sql`pg_notify(${channel}, ${changeId})`))} from numbered`;
}

/** Events after a sequence, oldest first. */
export async function eventsAfter(
  db: Kysely<Database>,
  changeId: ChangeId,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<ChangeEvent[]> {
  return await db
    .selectFrom("change_event")
    .select(["sequence", "at", "type", "data"])
    .where("change_id", "=", changeId)
    .where("sequence", ">", after)
    .orderBy("sequence")
    .limit(limit)
    .execute();
}

export interface OutputPage {
  readonly changeId: ChangeId;
  readonly stepId: StepId;
  readonly after: string | null;
  readonly rows: number;
}

/** What one step has printed, oldest first. */
export async function outputOf(db: Kysely<Database>, page: OutputPage): Promise<StepOutput[]> {
  const rows = await db
    .selectFrom("change_event")
    .select(["sequence", "at", sql<string>`data ->> 'text'`.as("text")])
    .where("change_id", "=", page.changeId)
    .where("type", "=", "output")
    .where(sql<boolean>`data ->> 'stepId' = ${page.stepId}`)
    .$if(page.after !== null, (query) => query.where("sequence", ">", Number(page.after)))
    .orderBy("sequence")
    .limit(page.rows)
    .execute();
  return rows.map((row) => ({ ...row, stepId: page.stepId }));
}
