import { randomBytes } from "node:crypto";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  bootId,
  endIdentity,
  isAlive,
  listProcesses,
  ownIdentity,
  type ProcessIdentity,
} from "@evenkeel/kit/process-identity";
import { findServerProcesses } from "./postmaster.ts";

// 1. What is made under a temporary name carries its maker in that name, and is removed only when he has gone.
// 2. What he had started may outlive him and go on writing there: initdb does, for a second. It is ended first.

/** A name beside `name` for a folder that a rename completes. */
export function temporaryName(name: string): string {
  const { pid, startTicks } = ownIdentity();
  return `${name}.${pid}-${startTicks}-${randomBytes(4).toString("hex")}.tmp`;
}

/** Removes what killed makers of `name` have left in this folder. */
export async function removeLeftovers(folder: string, name: string): Promise<void> {
  for (const each of await readdir(folder)) {
    const [, made, pid, startTicks] = /^(.+)\.(\d+)-(\d+)-[0-9a-f]+\.tmp$/.exec(each) ?? [];
    if (made !== name || isAlive({ pid: Number(pid), startTicks: Number(startTicks), bootId: bootId() })) continue;
    const leftover = join(folder, each);
    for (const writer of await findWriters(leftover)) await endIdentity(writer, "SIGKILL", 0);
    await rm(leftover, { recursive: true, force: true });
  }
}

/** initdb names the folder in its command, the server that it feeds stands in it; the feeder first, or it would start another. */
async function findWriters(folder: string): Promise<ProcessIdentity[]> {
  const named = await Promise.all(
    listProcesses().map(async (identity) => ((await commandOf(identity)).includes(folder) ? [identity] : [])),
  );
  // Of two starters at once the other may have removed it by now.
  return [...named.flat(), ...(await findServerProcesses(folder).catch(noneIfMissing))];
}

async function commandOf({ pid }: ProcessIdentity): Promise<string[]> {
  return (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
}

function noneIfMissing(error: NodeJS.ErrnoException): ProcessIdentity[] {
  if (error.code === "ENOENT") return [];
  throw error;
}
