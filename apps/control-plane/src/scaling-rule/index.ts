export { scalingRuleHandlers } from "./endpoints.ts";
export { type ScalingKeeper, startScaling } from "./keeper.ts";
