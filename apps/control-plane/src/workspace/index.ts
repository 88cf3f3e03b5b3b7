export { workspaceHandlers } from "./endpoints.ts";
export { findWorkspace } from "./store.ts";
