import { z } from "zod";
import { endpoint, page, pageQuery } from "./endpoint.ts";
import { ChangeId, Moment, ReviewId } from "./id.ts";

/** An emergency start, and what another principal said of it afterwards. */
export const Review = z.strictObject({
  id: ReviewId,
  changeId: ChangeId,
  title: z.string(),
  startedBy: z.string(),
  startedAt: Moment,
  reason: z.string(),
  /** The rules that it passed over, in words; empty = nothing stood in its way. */
  waived: z.array(z.string()),
  reviewedBy: z.string().nullable(),
  reviewedAt: Moment.nullable(),
  note: z.string().nullable(),
});
export type Review = z.infer<typeof Review>;

export const reviewEndpoints = {
  /** Oldest first; `open` = nobody has reviewed it yet. */
  listReviews: endpoint("GET", "/reviews", {
    needs: "review:read",
    query: pageQuery.extend({ state: z.enum(["open", "done", "all"]).default("open") }),
    reply: page(Review),
  }),
  /** By another principal than the one who started it; once. */
  signReview: endpoint("POST", "/reviews/{reviewId}", {
    needs: "review:create",
    params: z.strictObject({ reviewId: ReviewId }),
    body: z.strictObject({ note: z.string().min(1).max(2000) }),
    reply: Review,
    idempotent: true,
  }),
};
