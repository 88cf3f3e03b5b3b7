export { workspaceHandlers } from "./endpoints.ts";
export { cellsOf, findWorkspace, weighCells } from "./store.ts";
