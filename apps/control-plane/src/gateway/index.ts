export { gatewayHandlers } from "./endpoints.ts";
export { gatewayFindings } from "./findings.ts";
export { findGatewayByCredential, type KnownGateway } from "./store.ts";
