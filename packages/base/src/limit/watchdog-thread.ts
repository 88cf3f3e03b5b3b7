// Watches the loop of the main thread from outside: it stands still where its beat stands still. Then the debugger is asked what runs there.
import { writeSync } from "node:fs";
import { type Debugger, Session } from "node:inspector";
import { parentPort, workerData } from "node:worker_threads";
import { lookAfterMs, type Policy, paceMs } from "./pace.ts";
import type { Suspicion, WatchdogOrder, WatchdogStart } from "./watchdog.ts";

const { beats, mayTerminate, stuckMs } = workerData as WatchdogStart;
const shared = new Int32Array(beats);
const port = parentPort as NonNullable<typeof parentPort>;
/** Limit of each module, in ms, and whether it is to be interrupted there. */
let policy: Policy = {};

const session = new Session();
session.connectToMainThread();

/** Frames name their script by its id alone; its file is told when the debugger is enabled. */
const files = new Map<string, string>();
session.on("Debugger.scriptParsed", ({ params: { scriptId, url } }) => void files.set(scriptId, url));

let lastBeat = -1;
let lastBeatAt = performance.now();
let looked = 0;
let found: Suspicion | null = null;

function check(): void {
  const now = performance.now();
  const beat = Atomics.load(shared, 0);
  if (beat !== lastBeat) {
    if (found !== null) tellEnd(found, now - lastBeatAt);
    lastBeat = beat;
    lastBeatAt = now;
    looked = 0;
    found = null;
    return;
  }
  const blockedMs = now - lastBeatAt;
  if (looked === 0 && blockedMs > lookAfterMs(policy)) look();
  else if (found !== null) actOn(found, blockedMs);
  if (stuckMs !== null && blockedMs > stuckMs) endProcess(blockedMs);
}

/** By what was done last: looked, interrupted at the guard, terminated. */
const ENDS = ["by itself", "by itself", "told", "torn off"] as const;

function tellEnd(suspicion: Suspicion, blockedMs: number): void {
  port.postMessage({ ...suspicion, over: true, end: ENDS[looked] ?? "by itself", blockedMs } satisfies Suspicion);
}

function look(): void {
  looked = 1;
  files.clear();
  session.post("Debugger.enable");
  session.once("Debugger.paused", ({ params: { callFrames } }) => {
    const frames = callFrames.map(frameOf);
    session.post("Debugger.resume");
    session.post("Debugger.disable");
    const own = frames.find(({ module }) => module !== null);
    found = {
      module: own?.module ?? null,
      frame: (own ?? frames[0])?.text ?? "native code",
      over: false,
      onStack: [...new Set(frames.flatMap(({ module: its }) => its ?? []))],
      end: "by itself",
      blockedMs: 0,
    };
  });
  session.post("Debugger.pause");
}

function frameOf({ functionName, location }: Debugger.CallFrame) {
  const url = files.get(location.scriptId) ?? "";
  const module = /^module:([^/]+)\//.exec(url)?.[1] ?? null;
  return {
    module,
    text: `${functionName || "(anonymous)"} (${url}:${location.lineNumber + 1}:${(location.columnNumber ?? 0) + 1})`,
  };
}

/** First by the guard, which lets the module's caller know; where that does not reach (promise jobs), by V8 itself if that is safe here. */
function actOn({ module }: Suspicion, blockedMs: number): void {
  const limit = module === null ? undefined : policy[module];
  if (limit === undefined || !limit.interrupt || blockedMs < limit.most) return;
  if (looked === 1) {
    looked = 2;
    if (Atomics.load(shared, 1) > 0) {
      Atomics.store(shared, 3, 1);
      process.kill(process.pid, "SIGINT");
      return;
    }
  }
  if (looked === 2 && mayTerminate && (Atomics.load(shared, 1) === 0 || blockedMs > limit.most + 1000)) {
    looked = 3;
    // Where Node itself is in the midst of something it may end the process: then nothing else names the module.
    writeSync(2, `BASE_INTERRUPTED ${found?.module}: ${found?.frame}, after ${Math.round(blockedMs)} ms\n`);
    session.post("Runtime.terminateExecution");
  }
}

function endProcess(blockedMs: number): void {
  const where = found === null ? `${insideWhom()}: native code` : `${found.module ?? "the base"}: ${found.frame}`;
  writeSync(2, `BASE_MUST_RESTART the loop has stood still for ${Math.round(blockedMs)} ms in ${where}\n`);
  process.kill(process.pid, "SIGKILL");
}

/** Whose code was entered last and has not been left. */
function insideWhom(): string {
  const serial = Atomics.load(shared, 2);
  return Object.entries(policy).find(([, each]) => each.serial === serial)?.[0] ?? "the base";
}

let watching = setInterval(check, paceMs(policy));
port.on("message", (order: WatchdogOrder) => {
  policy = order.policy;
  clearInterval(watching);
  watching = setInterval(check, paceMs(policy));
});
port.postMessage("watching");
