export { runTour, type TourOptions } from "./run.ts";
export type { TourSummary } from "./summary.ts";
