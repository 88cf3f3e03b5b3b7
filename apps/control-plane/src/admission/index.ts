export { admissionHandlers } from "./endpoints.ts";
export { type AdmissionFacts, admissionProblem } from "./met.ts";
export { admissionRules, bitsThatSucceeded } from "./store.ts";
