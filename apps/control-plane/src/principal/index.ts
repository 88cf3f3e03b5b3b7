export { type CallerCacheDeps, cachedCallers } from "./credentials.ts";
export { type PrincipalDeps, principalHandlers } from "./endpoints.ts";
export { newLinkSecret, newSecret, secretDigest } from "./secret.ts";
export { ensurePrincipal, findCaller, findToken, insertToken, readCaller, revokeToken } from "./store.ts";
