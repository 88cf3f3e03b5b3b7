export {
  HOST_SAMPLED_CHANNEL,
  HOST_WANTED_CHANNEL,
  insertHostSamples,
  readHostInstances,
  readHostSamples,
  type ToldFacts,
  wantHost,
} from "./host.ts";
export { insertUsage, USAGE_CHANNEL } from "./instance.ts";
export { measurements } from "./measure.ts";
export { keepPartitions, rollUp } from "./partition.ts";
export { readInstanceRates } from "./rate.ts";
export { type GatewaySample, insertSamples, readSamples, requestsOf, type SampleQuery } from "./sample.ts";
export { hasService, readVersionSeconds, type SecondsQuery } from "./version.ts";
