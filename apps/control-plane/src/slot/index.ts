export { agentSteps } from "./agent-steps.ts";
export { readFleet, readSlots, readSlotsIn, type WhichSlots } from "./read-slots.ts";
export { confirmed, trafficSteps } from "./traffic-steps.ts";
