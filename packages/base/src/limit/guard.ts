// The way in for code that may have to be interrupted.
//
// 1. A call through the guard ends with ERR_SCRIPT_EXECUTION_INTERRUPTED when the process gets SIGINT; the module's own try/catch cannot swallow that.
// 2. It costs half a microsecond while another thread sits inside a guarded call for good (holder-thread.ts), and eighty times that without.
// 3. Nobody in the process may listen to SIGINT: after a listener has come and gone the next signal would end the process. Then nothing is guarded.
import { Script } from "node:vm";

const KEY = Symbol.for("evenkeel.guarded");
const cell = globalThis as unknown as Record<symbol, (() => unknown) | undefined>;

let script: Script | null = null;
let depth: Int32Array | null = null;

/** Begins to guard; `inside` holds how deep the process is inside guarded calls. */
export function openGuard(inside: Int32Array): void {
  depth = inside;
  script = new Script(`globalThis[Symbol.for("evenkeel.guarded")]()`, { filename: "evenkeel:guard" });
}

export function closeGuard(): void {
  script = null;
  depth = null;
}

/** Runs code of a module so that it can be interrupted, where that is possible. */
export function guarded<Result>(work: () => Result): Result {
  if (script === null || depth === null) return work();
  const before = cell[KEY];
  cell[KEY] = work;
  depth[0] = (depth[0] ?? 0) + 1;
  try {
    return script.runInThisContext({ breakOnSigint: true, displayErrors: false }) as Result;
  } finally {
    depth[0] = (depth[0] ?? 1) - 1;
    cell[KEY] = before;
  }
}
