import { readFile } from "node:fs/promises";
import type { InstanceUsage } from "@evenkeel/contracts/agent-protocol";
import type { ProcessIdentity } from "@evenkeel/kit/process-identity";

/** The kernel counts processor time in hundredths of a second, whatever the machine. */
const TICK_MS = 10;
/** `VmRSS:   12345 kB` */
const RESIDENT = /^VmRSS:\s+(\d+) kB$/m;

/** What a group of processes uses together; a page that two of them share counts for both. */
export async function usageOf(
  members: readonly ProcessIdentity[],
): Promise<Pick<InstanceUsage, "memoryBytes" | "cpuMs">> {
  const each = await Promise.all(members.map(({ pid }) => readUsage(pid)));
  return {
    memoryBytes: each.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    cpuMs: each.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
  };
}

/** A process that has just gone uses nothing. */
async function readUsage(pid: number): Promise<{ memoryBytes: number; cpuMs: number }> {
  const read = (file: string) => readFile(`/proc/${pid}/${file}`, "latin1").catch(() => "");
  const [status, stat] = await Promise.all([read("status"), read("stat")]);
  // The command in brackets may hold blanks and brackets itself: count from its last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  return { memoryBytes: Number(RESIDENT.exec(status)?.[1] ?? 0) * 1024, cpuMs: ticks * TICK_MS };
}
