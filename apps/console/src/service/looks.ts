import type { InstanceState } from "@evenkeel/contracts/service";
import type { Tone } from "../kit/surface.tsx";

export const INSTANCE_TONES: Readonly<Record<InstanceState, Tone>> = {
  starting: "busy",
  healthy: "good",
  unhealthy: "bad",
  stopping: "busy",
  stopped: "idle",
  "crash-loop": "bad",
  unknown: "warn",
};
