export { gatewayHandlers } from "./endpoints.ts";
export { findGatewayByCredential, type KnownGateway } from "./store.ts";
