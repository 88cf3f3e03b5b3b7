export { gatewayHandlers } from "./endpoints.ts";
export { gatewayFindings } from "./findings.ts";
export { driversOf, findGatewayByCredential, type KnownGateway } from "./store.ts";
