import { Session } from "node:inspector/promises";
import { setImmediate as turn } from "node:timers/promises";
import type { Proof } from "@evenkeel/contracts/base-protocol";
import { pathTo } from "./retainers.ts";

/**
 * Whether what is traced is gone. `global.gc()` would show a leak that is not there: it leaves V8's cache of compiled code as it is. The inspector's
 * collection empties it.
 */
export async function proveFreed(trace: WeakRef<object>, className: string): Promise<Pick<Proof, "memory" | "heldBy">> {
  // A reference that was read in this turn of the loop holds until its end.
  await turn();
  await collectAll();
  if (trace.deref() === undefined) return { memory: "freed", heldBy: [] };
  await turn();
  await collectAll();
  if (trace.deref() === undefined) return { memory: "freed", heldBy: [] };
  await turn();
  return { memory: "held", heldBy: await pathTo(className) };
}

/** Collects all that can be collected; the process stands still meanwhile. */
export async function collectAll(): Promise<void> {
  const session = new Session();
  session.connect();
  try {
    await session.post("HeapProfiler.collectGarbage");
  } finally {
    session.disconnect();
  }
}
