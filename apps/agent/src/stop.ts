import { setTimeout as sleep } from "node:timers/promises";
import { PlatformError } from "@evenkeel/contracts/error";
import type { Instance } from "./instance.ts";
import { canBind } from "./ports.ts";
import { type Group, killGroup, membersOf, signalGroup, waitGroupGone } from "./process-group.ts";

const KILL_MS = 10_000;
const PORT_MS = 1000;
const LOOK_MS = 200;

/** Which of the means ended it. */
export type StopMeans = "stop-script" | "TERM" | "KILL" | "was-gone";

export interface StopOptions {
  readonly stopMs: number;
  /** Runs the buildpack's stop script if there is one; true when it says that it has done its work. */
  readonly script: ((signal: AbortSignal) => Promise<boolean>) | null;
}

/** Ends all of an instance within its time: stop script, TERM, KILL. Neither needs the package, nor room on the disk. */
export async function stopInstance(instance: Instance, { stopMs, script }: StopOptions): Promise<StopMeans> {
  const port = instance.launched?.port;
  const means = await instance.stop((group) => endGroup(group, stopMs, script));
  if (port !== undefined && means !== "was-gone") await waitPortFree(instance, port);
  return means;
}

async function endGroup(group: Group, stopMs: number, script: StopOptions["script"]): Promise<StopMeans> {
  if (membersOf(group).length === 0 && (await waitGroupGone(group, LOOK_MS))) return "was-gone";
  const until = performance.now() + stopMs;
  const leftMs = (): number => Math.max(0, until - performance.now());
  if (script !== null && stopMs > 0) {
    // Half of the time is the script's; the other half is for TERM, whatever the script did with its own.
    const done = await askScript(group, script, stopMs / 2);
    if (done && (await waitGroupGone(group, leftMs() / 2))) return "stop-script";
  }
  signalGroup(group, "SIGTERM");
  if (await waitGroupGone(group, leftMs())) return "TERM";
  const [stuck] = await killGroup(group, KILL_MS);
  if (stuck !== undefined) throw new PlatformError("PROCESS_STUCK", { pid: stuck });
  return "KILL";
}

/** True when the script did its work; it has ended in any case when this resolves. */
async function askScript(group: Group, script: NonNullable<StopOptions["script"]>, ms: number): Promise<boolean> {
  const end = new AbortController();
  const asked = script(end.signal).catch(() => false);
  const gone = waitGroupGone(group, ms, end.signal);
  const done = await Promise.race([asked, gone]);
  end.abort();
  await Promise.all([asked, gone]);
  return done;
}

/** Its sockets went with its processes; a socket that it handed to somebody else is not ours to close. */
async function waitPortFree(instance: Instance, port: number): Promise<void> {
  const until = performance.now() + PORT_MS;
  while (!(await canBind(port, instance.address)) && performance.now() < until) await sleep(20);
}
