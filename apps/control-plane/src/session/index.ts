export { sessionHandlers } from "./endpoints.ts";
