// The way in for code that may have to be interrupted.
//
// 1. A call through the guard ends with ERR_SCRIPT_EXECUTION_INTERRUPTED when the process gets SIGINT; the module's own try/catch cannot swallow that.
// 2. It costs half a microsecond while another thread sits inside a guarded call for good (holder-thread.ts), and eighty times that without.
// 3. Who is inside stands in shared memory: of native work, and of loops that V8 cannot stop, nothing else tells whose they are.
// 4. Where V8 itself ends what runs, no `finally` runs: `unwound`, called on an empty stack, puts right what stayed.
// 5. Nobody in the process may listen to SIGINT: after a listener has come and gone the next signal would end the process. Then nothing is guarded.
import { Script } from "node:vm";

const KEY = Symbol.for("evenkeel.guarded");
const cell = globalThis as unknown as Record<symbol, (() => unknown) | undefined>;

// It stands there before the first module comes: what comes later is taken for a module's.
Object.defineProperty(globalThis, KEY, { value: undefined, writable: true });

let script: Script | null = null;
/** How deep the process is inside guarded calls, and whose the innermost is (0: nobody's). */
let inside: Int32Array | null = null;

/** Begins to guard; `shared` holds who is inside, for other threads to see. */
export function openGuard(shared: Int32Array): void {
  inside = shared;
  script = new Script(`globalThis[Symbol.for("evenkeel.guarded")]()`, { filename: "evenkeel:guard" });
}

let unwindings = 0;

/** How often the stack may have been torn off: who noted something on it before the last time has left it since. */
export function timesUnwound(): number {
  return unwindings;
}

/** The stack is empty, after something on it was interrupted. */
export function unwound(): void {
  unwindings += 1;
  cell[KEY] = undefined;
  inside?.fill(0);
}

export function closeGuard(): void {
  script = null;
  inside = null;
}

/** What was thrown at the way in because the code inside was interrupted. */
export function wasInterrupted(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_SCRIPT_EXECUTION_INTERRUPTED";
}

/** Runs code of the module with this number so that it can be interrupted, where that is possible. */
export function guarded<Result>(serial: number, work: () => Result): Result {
  if (script === null || inside === null) return work();
  const before = cell[KEY];
  const depth = inside[0] ?? 0;
  const other = inside[1] ?? 0;
  cell[KEY] = work;
  inside[0] = depth + 1;
  inside[1] = serial;
  try {
    return script.runInThisContext({ breakOnSigint: true, displayErrors: false }) as Result;
  } finally {
    if (inside !== null) {
      inside[0] = depth;
      inside[1] = other;
    }
    cell[KEY] = before;
  }
}
