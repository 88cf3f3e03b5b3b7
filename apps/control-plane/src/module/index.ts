export { moduleHandlers } from "./endpoints.ts";
export { bundlesOf, hasModuleObject, namedByModules } from "./store.ts";
