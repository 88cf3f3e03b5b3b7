export { moduleSteps } from "./agent-steps.ts";
export { placementSteps } from "./control-steps.ts";
export { readPlacement } from "./read-world.ts";
