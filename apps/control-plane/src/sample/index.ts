export { sampleHandlers } from "./endpoints.ts";
export { type RecorderOptions, SampleRecorder } from "./recorder.ts";
export {
  type GatewaySample,
  keepPartitions,
  measurements,
  readInstanceRates,
  readSamples,
  requestsOf,
} from "./store/index.ts";
export { UsageRecorder } from "./usage-recorder.ts";
