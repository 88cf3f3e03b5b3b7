export { type FoundBuildpack, findBuildpack, hasBuildpackObject } from "./store.ts";
