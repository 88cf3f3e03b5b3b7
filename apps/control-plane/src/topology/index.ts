export { topologyHandlers } from "./endpoints.ts";
