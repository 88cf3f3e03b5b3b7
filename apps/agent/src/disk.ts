import { statfs } from "node:fs/promises";
import { PlatformError } from "@evenkeel/contracts/error";

/** Left free beside what a command needs, in bytes: journal, records and logs go on. */
const MARGIN_BYTES = 1024 ** 2;

/** Bytes that we may still write in this folder. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** Refuses before the disk is full rather than after. */
export async function assertSpace(folder: string, neededBytes: number): Promise<void> {
  const free = await freeBytes(folder);
  if (free < neededBytes + MARGIN_BYTES) throw new PlatformError("DISK_FULL", { freeBytes: free, neededBytes });
}

/** Says whether the disk, or this user's part of it, is full. */
export function isDiskFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOSPC" || code === "EDQUOT" || code === "FILE_DISK_FULL";
}

/** Runs the work and turns a full disk into DISK_FULL; `clear` removes what the work left. */
export async function onDisk<T>(folder: string, needed: () => number, work: Work<T>): Promise<T> {
  try {
    return await work.run();
  } catch (error) {
    const full = isDiskFull(error);
    const free = full ? await freeBytes(folder) : 0;
    if (full || work.clearAlways === true) await work.clear();
    if (full) throw new PlatformError("DISK_FULL", { freeBytes: free, neededBytes: needed() }, { cause: error });
    throw error;
  }
}

interface Work<T> {
  run(): Promise<T>;
  clear(): Promise<void>;
  /** Clears after every failure, not only after a full disk. */
  readonly clearAlways?: boolean;
}
