export { moduleHandlers } from "./endpoints.ts";
export { bundlesOf, hasModuleObject, type ModuleKey, namedByModules } from "./store.ts";
