export { sampleHandlers } from "./endpoints.ts";
export { bucketOf } from "./quantile.ts";
export { type RecorderOptions, SampleRecorder } from "./recorder.ts";
export {
  type GatewaySample,
  HOST_SAMPLED_CHANNEL,
  keepPartitions,
  measurements,
  readHostInstances,
  readHostSamples,
  readInstanceRates,
  readSamples,
  readVersionSeconds,
  requestsOf,
  wantHost,
} from "./store/index.ts";
export { UsageRecorder } from "./usage-recorder.ts";
