import { rm } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { readJson, writeDurableJson } from "@evenkeel/kit/durable-file";
import { isAlive, ownIdentity, ProcessIdentity } from "@evenkeel/kit/process-identity";
import { z } from "zod";
import type { Home } from "./home.ts";

// 1. At most one supervisor holds a home: the kernel's lock on the file decides, and ends with its process, however it ends.
// 2. The file beside it only tells who that is; it is never trusted for more than a message and a signal.

/** Who holds a home. */
export const Holder = z.strictObject({ identity: ProcessIdentity, version: z.string(), since: z.string() });
export type Holder = z.infer<typeof Holder>;

/** The right to be the supervisor of a home. */
export interface Hold {
  release(): Promise<void>;
}

/** Takes the home, or null when another supervisor has it. */
export async function takeHold(home: Home, version: string): Promise<Hold | null> {
  const lock = lockFile(home.holdFile);
  if (lock === null) return null;
  // killed here: the lock is free again, the file names somebody who has gone
  await writeDurableJson(home.holderFile, { identity: ownIdentity(), version, since: new Date().toISOString() });
  return {
    release: async () => {
      await rm(home.holderFile, { force: true });
      lock.close();
    },
  };
}

/** Node has no file locks of its own; SQLite takes one that dies with the process. */
function lockFile(path: string): DatabaseSync | null {
  const lock = new DatabaseSync(path);
  try {
    lock.exec("pragma busy_timeout = 0; pragma journal_mode = memory; begin exclusive");
    return lock;
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return null;
    throw error;
  }
}

const SQLITE_BUSY = 5;

/** The supervisor that holds the home, as far as the file tells; null when it is not written yet or names a dead one. */
export async function readHolder(home: Home): Promise<Holder | null> {
  const holder = await readJson(home.holderFile, Holder);
  return holder !== null && isAlive(holder.identity) ? holder : null;
}
