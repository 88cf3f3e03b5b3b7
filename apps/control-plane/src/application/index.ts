export { applicationHandlers } from "./endpoints.ts";
export { findApplication } from "./store.ts";
