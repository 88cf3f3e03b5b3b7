export { registerBuiltIn } from "./built-in.ts";
export { buildpackHandlers } from "./endpoints.ts";
export { type FoundBuildpack, findBuildpack, hasBuildpackObject, namedByBuildpacks, scriptsOf } from "./store.ts";
