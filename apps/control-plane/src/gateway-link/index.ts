export { GatewayLinks, type GatewayLinksOptions } from "./links.ts";
export { closeGateway, type LinkedGateway } from "./store.ts";
