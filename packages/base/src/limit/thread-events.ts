import { PlatformError, problemOf } from "@evenkeel/contracts/error";
import type { ModuleInstance } from "../lifecycle/module-instance.ts";
import type { WorkerGround } from "../worker/worker-runtime.ts";
import { BYTES_OF_MB } from "./judge.ts";

interface Consequences {
  eject(instance: ModuleInstance, error: PlatformError): void;
  altered(): void;
}

/** What follows from what the thread of a module tells. */
export function threadEvents(
  instance: ModuleInstance,
  { eject, altered }: Consequences,
): Pick<WorkerGround, "log" | "crashed" | "recovered" | "swollen"> {
  return {
    log: (stream, text) => instance.log.add(stream, text),
    crashed: (error, again) => {
      instance.measures.restarts += 1;
      instance.judge(false, problemOf(error.code, error.facts));
      if (!again) eject(instance, error);
      altered();
    },
    recovered: () => {
      instance.judge(true, null);
      altered();
    },
    swollen: (heapBytes) => {
      const { most, action } = instance.manifest.limits.heapMb ?? {};
      if (action !== "eject") return false;
      const value = Math.round((heapBytes / BYTES_OF_MB) * 10) / 10;
      eject(instance, new PlatformError("MODULE_OVER_LIMIT", { module: instance.key, measure: "heapMb", value, most }));
      return true;
    },
  };
}
