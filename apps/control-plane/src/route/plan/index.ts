export { byPriority, compileEntry, compileService, pointsOf, type TrafficRows } from "./compile.ts";
export { compileConditions, fieldOf } from "./condition.ts";
export { type CellMap, type Serving, servedIn } from "./reach.ts";
