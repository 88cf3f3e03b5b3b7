export { commandTemplateHandlers } from "./endpoints.ts";
export { findTemplate } from "./store.ts";
