import type { Guard } from "@evenkeel/contracts/guard";
import { judgeHealth, judgeMemory, judgeRestarts } from "./instances.ts";
import type { Finding, Measured } from "./measured.ts";
import { judgeErrors, judgeLatency, type Looking } from "./traffic.ts";

export type { Cell, Finding, InstanceReading, Labels, Measured } from "./measured.ts";

/** Guards that judge by measurements; the others ask somebody. */
export type MeasuringGuard = Exclude<Guard, { kind: "http" }>;

/** Measurements → verdict. */
export function judge(guard: MeasuringGuard, measured: Measured, looking: Looking): Finding {
  switch (guard.kind) {
    case "error-rate":
      return judgeErrors(guard, measured, looking);
    case "latency":
      return judgeLatency(guard, measured, looking);
    case "restarts":
      return judgeRestarts(guard, measured);
    case "memory":
      return judgeMemory(guard, measured, looking.labels);
    case "health":
      return judgeHealth(guard, measured);
    default:
      return guard satisfies never;
  }
}
