export { type CallerCacheDeps, cachedCallers } from "./credentials.ts";
export { type PrincipalDeps, principalHandlers } from "./endpoints.ts";
export { newSecret, secretDigest } from "./secret.ts";
export { ensurePrincipal, findCaller, insertToken } from "./store.ts";
