export { type ListRequest, type Resource, type ResourceShape, resource } from "./store.ts";
export { namedResource } from "./store-named.ts";
