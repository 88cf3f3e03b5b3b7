export { windowHandlers } from "./endpoints.ts";
export { type NamedWindow, shutAt } from "./shut.ts";
export { windows } from "./store.ts";
