export { reviewHandlers } from "./endpoints.ts";
export { insertReview, readReviews, signReview } from "./store.ts";
