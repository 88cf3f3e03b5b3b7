// Priorities of threads. They are lowered only where the process may raise them again: what has worked hard once would stay behind for good.
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { constants, getPriority, setPriority } from "node:os";

const CAP_SYS_NICE = 23n;

/** The thread that asks, as the system counts threads; null: the system does not tell. */
export function ownThreadId(): number | null {
  return process.platform === "linux" ? Number(readlinkSync("/proc/thread-self").split("/").at(-1)) : null;
}

/** Whether a process may raise a priority that it has lowered, given its `/proc/self/status`. */
export const mayRaise = (status: string): boolean => {
  const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  return (capabilities & (1n << CAP_SYS_NICE)) !== 0n;
};

/** One thread, which may step behind all others and come forward again. */
export interface Place {
  stepBack(): void;
  comeForward(): void;
  /** How long it has been ready to run and had no processor, in ms (Documentation/scheduler/sched-stats.rst of Linux). */
  waitedMs(): number;
}

/** The place of a thread; null: it stays where it is. */
export function placeOf(threadId: number | null): Place | null {
  if (threadId === null || !mayRaise(readFileSync("/proc/self/status", "utf8"))) return null;
  const schedule = `/proc/self/task/${threadId}/schedstat`;
  if (!existsSync(schedule)) return null;
  const usual = getPriority();
  return {
    stepBack: () => setPriority(threadId, constants.priority.PRIORITY_LOW),
    comeForward: () => setPriority(threadId, usual),
    waitedMs: () => Number(readFileSync(schedule, "utf8").split(" ")[1]) / 1e6,
  };
}
