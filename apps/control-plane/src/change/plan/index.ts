export { planBatches } from "../strategy.ts";
