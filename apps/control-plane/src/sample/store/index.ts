export { keepPartitions, rollUp } from "./partition.ts";
export { type GatewaySample, insertSamples, readSamples, type SampleQuery, SECONDS_KEPT } from "./sample.ts";
