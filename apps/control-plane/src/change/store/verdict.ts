import type { GuardOutcome } from "@evenkeel/contracts/guard";
import type { ChangeId } from "@evenkeel/contracts/id";
import { sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";
import type { Post } from "../guard/watch.ts";
import { NOW } from "./change.ts";
import { appendEvents } from "./event.ts";

type Tx = Transaction<Database>;

/** A guard at a batch, with the names that people know. */
export interface NamedPost extends Post {
  readonly changeId: ChangeId;
  readonly batch: string;
  readonly name: string;
}

export interface StoredFinding {
  /** Null: nothing yet. */
  readonly outcome: GuardOutcome | null;
  readonly final: boolean;
  readonly text: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}

/** Stores what a guard found by a look of its own. The row is the guard's only one at this batch: a look that is repeated changes nothing twice. */
export async function storeLook(tx: Tx, post: NamedPost, finding: StoredFinding): Promise<void> {
  const found = { ...foundOf(finding), looks: 1 };
  await tx
    .insertInto("change_verdict")
    .values({ change_id: post.changeId, batch_id: post.batchId, guard: post.guard, moment: post.when, ...found })
    .onConflict((conflict) =>
      conflict
        .columns(["change_id", "batch_id", "guard", "moment"])
        .doUpdateSet((eb) => ({ ...foundOf(finding), looks: eb("change_verdict.looks", "+", 1), at: NOW })),
    )
    .execute();
  await tell(tx, post, finding);
}

/** Notes that somebody outside is asked. */
export async function openAsk(tx: Tx, post: NamedPost, text: string): Promise<void> {
  await tx
    .insertInto("change_verdict")
    .values({
      ...{ change_id: post.changeId, batch_id: post.batchId, guard: post.guard, moment: post.when },
      asking: true,
      text,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Where a question stands that nobody has answered yet. */
export async function noteAsk(
  tx: Tx,
  post: NamedPost,
  { text, statusUrl }: { readonly text: string; readonly statusUrl: string | null },
): Promise<void> {
  await openVerdict(tx, post).set({ text, status_url: statusUrl }).execute();
}

/** Stores the answer to a question, once. */
export async function storeAnswer(tx: Tx, post: NamedPost, finding: StoredFinding): Promise<void> {
  const answered = await openVerdict(tx, post)
    .set((eb) => ({ ...foundOf(finding), looks: eb("looks", "+", 1), at: NOW }))
    .returning("guard")
    .executeTakeFirst();
  if (answered !== undefined) await tell(tx, post, finding);
}

const openVerdict = (tx: Tx, post: NamedPost) =>
  tx
    .updateTable("change_verdict")
    .where("change_id", "=", post.changeId)
    .where("batch_id", "=", post.batchId)
    .where("guard", "=", post.guard)
    .where("moment", "=", post.when)
    .where("outcome", "is", null);

const foundOf = ({ outcome, final, text, evidence }: StoredFinding) => ({
  outcome,
  final,
  text,
  evidence: JSON.stringify(evidence),
});

/** Looks that found nothing are in the tree, not in the life of the change. */
async function tell(tx: Tx, post: NamedPost, { outcome, text, evidence }: StoredFinding): Promise<void> {
  if (outcome === null) return;
  const { batchId, batch, guard, name, when } = post;
  const data = { batchId, batch, guard, name, when, outcome, text, evidence };
  await appendEvents(tx, post.changeId, [{ type: "guard", data }]);
}

/** Notes who goes on in spite of verdicts. */
export async function overrule(
  tx: Tx,
  { changeId, verdicts, by }: { readonly changeId: ChangeId; readonly verdicts: readonly Post[]; readonly by: string },
): Promise<void> {
  for (const { batchId, guard, when } of verdicts) {
    await tx
      .updateTable("change_verdict")
      .set({ overruled_by: by })
      .where("change_id", "=", changeId)
      .where("batch_id", "=", batchId)
      .where("guard", "=", guard)
      .where("moment", "=", when)
      .execute();
    await appendEvents(tx, changeId, [{ type: "verb", data: { action: "resume", overrules: { batchId, guard }, by } }]);
  }
}

/** Something in the batch is done again: its guards look again, unless a person has overruled them. */
export async function reopenVerdicts(
  tx: Tx,
  { changeId, batchId }: { readonly changeId: ChangeId; readonly batchId: string },
): Promise<void> {
  await tx
    .updateTable("change_verdict")
    .set({ outcome: null, final: false, status_url: null, elapsed_ms: 0 })
    .where("change_id", "=", changeId)
    .where("batch_id", "=", batchId)
    .where("moment", "=", "after")
    .where("overruled_by", "is", null)
    .execute();
}

/** Adds time to batches that are watched and to questions that wait; the names are those of `guardClocks`. */
export async function chargeGuards(
  tx: Tx,
  changeId: ChangeId,
  charges: readonly { readonly id: string; readonly ms: number }[],
): Promise<void> {
  const mine = charges.filter(({ id }) => id.startsWith("watch ") || id.startsWith("ask "));
  if (mine.length === 0) return;
  const charge = sql`jsonb_to_recordset(${JSON.stringify(mine)}::jsonb) as charge(id text, ms bigint)`;
  await sql`update change_batch set watched_ms = watched_ms + charge.ms from ${charge}
    where change_id = ${changeId} and charge.id = 'watch ' || batch_id`.execute(tx);
  await sql`update change_verdict set elapsed_ms = elapsed_ms + charge.ms from ${charge}
    where change_id = ${changeId} and charge.id = 'ask ' || batch_id || ' ' || guard || ' ' || moment`.execute(tx);
}

/** When a batch and its targets reached where they are, by the database's clock. */
export async function readTimes(tx: Tx, changeId: ChangeId, batchId: string) {
  const { batch, began } = await tx
    .selectFrom("change")
    .innerJoin("change_batch", "change_batch.change_id", "change.id")
    .select(["change_batch.started_at as batch", "change.started_at as began"])
    .where("change.id", "=", changeId)
    .where("change_batch.batch_id", "=", batchId)
    .executeTakeFirstOrThrow();
  const targets = await tx
    .selectFrom("change_target")
    .select(["target_id as targetId", "state", "finished_at as finishedAt"])
    .where("change_id", "=", changeId)
    .execute();
  return { batchStartedAt: batch, changeStartedAt: began, targets };
}
