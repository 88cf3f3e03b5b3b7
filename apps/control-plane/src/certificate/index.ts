export { certificateHandlers } from "./endpoints.ts";
export { certificateFindings } from "./findings.ts";
export { type KeySeal, keySeal } from "./key-seal.ts";
