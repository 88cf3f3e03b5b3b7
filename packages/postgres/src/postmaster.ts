import { readlinkSync } from "node:fs";
import { realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { readTextIfThere } from "@evenkeel/kit/durable-file";
import { listProcesses, type ProcessIdentity, readIdentity } from "@evenkeel/kit/process-identity";

/** A server that lives on a data folder, as its postmaster.pid tells; `ready` once it takes connections. */
export interface Postmaster {
  readonly identity: ProcessIdentity;
  readonly runDir: string;
  readonly ready: boolean;
}

// Lines of postmaster.pid: pid, data folder, start time, port, socket folder, address, shared memory, status.
const SOCKET_FOLDER_LINE = 4;
const STATUS_LINE = 7;

/** The living server of this data folder, or null. A pid that was reused by another program does not count. */
export async function findPostmaster(cluster: string): Promise<Postmaster | null> {
  const lines = ((await readTextIfThere(join(cluster, "postmaster.pid"))) ?? "").split("\n");
  const identity = readIdentity(Number.parseInt(lines[0] ?? "", 10) || 0);
  if (identity === null || !(await worksIn(cluster, identity.pid))) return null;
  return {
    identity,
    runDir: lines[SOCKET_FOLDER_LINE]?.trim() ?? "",
    ready: lines[STATUS_LINE]?.trim() === "ready",
  };
}

/** Every process of the server stands in its data folder: postmaster and back ends alike. */
async function worksIn(cluster: string, pid: number): Promise<boolean> {
  return currentFolder(pid) === (await realpath(cluster));
}

function currentFolder(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return null;
  }
}

/** Processes of a server that still live on this data folder, for instance back ends whose postmaster was killed. */
export async function findServerProcesses(cluster: string): Promise<ProcessIdentity[]> {
  const folder = await realpath(cluster);
  return listProcesses().filter(({ pid }) => currentFolder(pid) === folder);
}

/**
 * Removes a postmaster.pid whose pid now belongs to another program: PostgreSQL itself would refuse to start as long
 * as that program lives. With any process of the old server alive the file stays, since it guards the shared memory.
 */
export async function clearStalePidFile(cluster: string): Promise<void> {
  const text = await readTextIfThere(join(cluster, "postmaster.pid"));
  if (text === null || (await findServerProcesses(cluster)).length > 0) return;
  // A pid that has gone PostgreSQL sees for itself; an empty file (its server died between making and writing it) it does not.
  if (text.trim() !== "" && readIdentity(Number.parseInt(text, 10) || 0) === null) return;
  await rm(join(cluster, "postmaster.pid"), { force: true });
}
