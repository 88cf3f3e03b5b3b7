export { withFlow } from "./flow.ts";
