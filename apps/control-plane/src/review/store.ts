import { PlatformError } from "@evenkeel/contracts/error";
import { type ChangeId, newId, ReviewId, type TenantId } from "@evenkeel/contracts/id";
import type { Review } from "@evenkeel/contracts/review";
import { json } from "@evenkeel/kit/sql";
import { type Kysely, sql } from "kysely";
import type { Database } from "../database.ts";

interface Emergency {
  readonly tenantId: TenantId;
  readonly changeId: ChangeId;
  readonly by: string;
  readonly reason: string;
  readonly waived: readonly string[];
}

/** Records an emergency start; from now on it waits for its review. */
export async function insertReview(tx: Kysely<Database>, emergency: Emergency): Promise<void> {
  await tx
    .insertInto("review")
    .values({
      id: newId(ReviewId, "rvw"),
      tenant_id: emergency.tenantId,
      change_id: emergency.changeId,
      started_by: emergency.by,
      reason: emergency.reason,
      waived: json([...emergency.waived]),
    } as never)
    .execute();
}

interface ReviewPage {
  readonly tenantId: TenantId;
  readonly state: "open" | "done" | "all";
  readonly after: string | null;
  readonly rows: number;
}

const shown = (db: Kysely<Database>) =>
  db
    .selectFrom("review")
    .innerJoin("change", "change.id", "review.change_id")
    .select([
      "review.id",
      "review.change_id as changeId",
      "change.title",
      "review.started_by as startedBy",
      "review.started_at as startedAt",
      "review.reason",
      "review.waived",
      "review.reviewed_by as reviewedBy",
      "review.reviewed_at as reviewedAt",
      "review.note",
    ]);

/** Oldest first. */
export async function readReviews(db: Kysely<Database>, page: ReviewPage): Promise<Review[]> {
  return await shown(db)
    .where("review.tenant_id", "=", page.tenantId)
    .$if(page.state === "open", (query) => query.where("review.reviewed_at", "is", null))
    .$if(page.state === "done", (query) => query.where("review.reviewed_at", "is not", null))
    .$if(page.after !== null, (query) => query.where("review.id", ">", page.after as ReviewId))
    .orderBy("review.id")
    .limit(page.rows)
    .execute();
}

export interface Signature {
  readonly tenantId: TenantId;
  readonly reviewId: ReviewId;
  readonly by: string;
  readonly note: string;
}

/** Reviewed once, by somebody else than who started it. */
export async function signReview(tx: Kysely<Database>, { tenantId, reviewId, by, note }: Signature): Promise<Review> {
  const row = await tx
    .selectFrom("review")
    .select(["started_by", "reviewed_by"])
    .where("tenant_id", "=", tenantId)
    .where("id", "=", reviewId)
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined) throw new PlatformError("NOT_FOUND", { resource: `review ${reviewId}` });
  if (row.reviewed_by !== null) throw new PlatformError("REVIEW_DONE", { reviewedBy: row.reviewed_by });
  if (row.started_by === by) throw new PlatformError("REVIEW_OWN", { principal: by });
  await tx
    .updateTable("review")
    .set({ reviewed_by: by, reviewed_at: sql<string>`clock_timestamp()`, note })
    .where("id", "=", reviewId)
    .execute();
  return await shown(tx).where("review.id", "=", reviewId).executeTakeFirstOrThrow();
}
