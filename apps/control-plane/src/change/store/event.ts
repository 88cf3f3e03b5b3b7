import type { ChangeEvent } from "@evenkeel/contracts/change";
import type { ChangeId } from "@evenkeel/contracts/id";
import { notify } from "@evenkeel/kit/notify";
import type { Kysely, Transaction } from "kysely";
import type { Database } from "../../database.ts";

export type NewEvent = Pick<ChangeEvent, "type" | "data">;

/** Appends events under the lock of the change's row: numbers without gaps, and a commit order that watchers may trust. */
export async function appendEvents(
  tx: Transaction<Database>,
  changeId: ChangeId,
  events: readonly NewEvent[],
): Promise<void> {
  if (events.length === 0) return;
  const { sequence } = await tx
    .updateTable("change")
    .set((eb) => ({ sequence: eb("sequence", "+", events.length) }))
    .where("id", "=", changeId)
    .returning("sequence")
    .executeTakeFirstOrThrow();
  const first = sequence - events.length + 1;
  await tx
    .insertInto("change_event")
    .values(
      events.map((event, index) => ({
        change_id: changeId,
        sequence: first + index,
        type: event.type,
        data: JSON.stringify(event.data),
      })),
    )
    .execute();
  await notify(tx, "change_event", changeId);
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
