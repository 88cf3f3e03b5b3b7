export { reviewHandlers } from "./endpoints.ts";
export { reviewFindings } from "./finding.ts";
export { insertReview, readReviews, signReview } from "./store.ts";
