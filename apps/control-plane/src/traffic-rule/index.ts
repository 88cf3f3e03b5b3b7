export { trafficRuleHandlers } from "./endpoints.ts";
export { type Alteration, alterRules, policyOf, rulesOf, userKeyOfWorkspace } from "./store.ts";
