export { refuseRules } from "./check.ts";
export { type CellWeight, type RuleWrites, rulesLock, setRules } from "./set-rules.ts";
