export { type FoundPackage, findPackage, type PackageBy } from "./store.ts";
