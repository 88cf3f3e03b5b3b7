import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { type Handlers, pageStart, toPage } from "../http/index.ts";
import { readReviews, signReview } from "./store.ts";

export function reviewHandlers({ db }: { readonly db: Kysely<Database> }): Handlers<"listReviews" | "signReview"> {
  return {
    listReviews: async ({ caller, query }) => {
      const reviews = await readReviews(db, { tenantId: caller.tenantId, state: query.state, ...pageStart(query) });
      return toPage(reviews, query, { show: (review) => review, keyOf: ({ id }) => id });
    },
    signReview: async ({ caller, params: { reviewId }, body, effect, audit }) => {
      audit.details = body;
      const { tenantId, principalName: by } = caller;
      return await effect((tx) => signReview(tx, { tenantId, reviewId, by, note: body.note }));
    },
  };
}
