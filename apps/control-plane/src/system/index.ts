export { type FindingSource, type SystemDeps, systemHandlers } from "./endpoints.ts";
export { openApiDocument } from "./openapi.ts";
