export { basisOfCells } from "./cells.ts";
export { refuseRules } from "./check.ts";
export { type CellEdit, type CellWeight, cellsLock, type RuleWrites, rulesLock, setRules } from "./set-rules.ts";
export { weightsBetween } from "./weights.ts";
