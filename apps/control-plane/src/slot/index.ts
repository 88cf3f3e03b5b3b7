export { agentSteps } from "./agent-steps.ts";
export { readSlots, type WhichSlots } from "./read-slots.ts";
export { trafficSteps } from "./traffic-steps.ts";
