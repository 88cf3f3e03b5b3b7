export { trafficRuleHandlers } from "./endpoints.ts";
export { type Alteration, alterRules, definitionOfRule, policyOf, rulesOf, userKeyOfWorkspace } from "./store.ts";
