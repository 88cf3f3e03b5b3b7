export { sampleHandlers } from "./endpoints.ts";
export { type RecorderOptions, SampleRecorder } from "./recorder.ts";
export { type GatewaySample, readSamples } from "./store/index.ts";
