// A thread that takes more than its share of the processor steps behind all others long before it is judged by seconds: where processors are few, its
// neighbours would wait for it meanwhile. Only where the process may let it come forward again: a module that has worked hard once would stay behind.
import { readFileSync, readlinkSync } from "node:fs";
import { constants, getPriority, setPriority } from "node:os";
import type { Worker } from "node:worker_threads";
import { runAsBase } from "../owner/owner.ts";

const LOOK_MS = 200;
const CAP_SYS_NICE = 23n;

/** The thread that asks, as the system counts threads; null: the system does not tell. */
export function ownThreadId(): number | null {
  return process.platform === "linux" ? Number(readlinkSync("/proc/thread-self").split("/").at(-1)) : null;
}

/** Whether a process may raise a priority that it has lowered, given its `/proc/self/status`: the others stay as they are. */
export const mayRaise = (status: string): boolean => {
  const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  return (capabilities & (1n << CAP_SYS_NICE)) !== 0n;
};

/** Looks after the share of a thread, in percent of one processor, until what is answered is called. */
export function holdToShare(worker: Worker, threadId: number | null, mostPercent: number): () => void {
  if (threadId === null || !mayRaise(readFileSync("/proc/self/status", "utf8"))) return () => undefined;
  const usual = getPriority();
  let before: { readonly at: number; readonly cpuMs: number } | null = null;
  let isBehind = false;
  const look = async (): Promise<void> => {
    const { user, system } = await worker.cpuUsage();
    const now = { at: performance.now(), cpuMs: (user + system) / 1000 };
    const percent = before === null ? 0 : (100 * (now.cpuMs - before.cpuMs)) / (now.at - before.at);
    before = now;
    if (percent > mostPercent === isBehind) return;
    isBehind = !isBehind;
    setPriority(threadId, isBehind ? constants.priority.PRIORITY_LOW : usual);
  };
  // A thread that has ended has no share.
  const timer = runAsBase(() => setInterval(() => void look().catch(() => undefined), LOOK_MS).unref());
  return () => clearInterval(timer);
}
