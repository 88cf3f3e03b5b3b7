export { overviewHandlers } from "./endpoints.ts";
