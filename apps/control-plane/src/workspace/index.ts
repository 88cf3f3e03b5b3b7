export { workspaceHandlers } from "./endpoints.ts";
export { alterCells, cellsOf, findWorkspace } from "./store.ts";
