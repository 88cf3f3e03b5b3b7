// Sits inside a guarded call for good, which keeps the process's thread for signals alive (see guard.ts), and tells of a SIGINT that ends up here.

import { Script } from "node:vm";
import { parentPort, workerData } from "node:worker_threads";

const waiting = new Int32Array(workerData as SharedArrayBuffer);
(globalThis as Record<string, unknown>).wait = () => Atomics.wait(waiting, 0, 0);
const script = new Script("wait()", { filename: "evenkeel:holder" });

parentPort?.postMessage("holding");
while (Atomics.load(waiting, 0) === 0) {
  try {
    script.runInThisContext({ breakOnSigint: true, displayErrors: false });
  } catch {
    parentPort?.postMessage("interrupted");
  }
}
