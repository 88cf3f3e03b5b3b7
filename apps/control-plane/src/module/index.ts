export { moduleHandlers } from "./endpoints.ts";
export { bundlesOf, hasModule, hasModuleObject, type ModuleKey, namedByModules } from "./store.ts";
