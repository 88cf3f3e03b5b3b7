export { type FoundPackage, findPackage, type PackageBy, versionsOf } from "./store.ts";
