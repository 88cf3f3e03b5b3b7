import { createHash } from "node:crypto";
import { lstat, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PlatformError } from "@evenkeel/contracts/error";

/** Bytes that the path of a unix socket may have on Linux. */
export const SOCKET_PATH_BYTES = 107;
const LONGEST_NAME = "/.s.PGSQL.5432.lock".length;

/** True when a socket in this folder has a path that the system accepts. */
export function fitsSockets(folder: string): boolean {
  // A comma would part the list of folders that PostgreSQL reads.
  return Buffer.byteLength(folder) + LONGEST_NAME <= SOCKET_PATH_BYTES && !/[,"]/.test(folder);
}

/** A folder for sockets that only this user can enter: `<home>/run` where its path is short enough, else one below the temporary folder that belongs to this home alone. */
export async function makeRunFolder(home: string): Promise<string> {
  const near = join(home, "run");
  if (fitsSockets(near)) return await makePrivate(near);
  const name = createHash("sha256").update(home).digest("hex").slice(0, 16);
  const far = join(tmpdir(), `evenkeel-${process.getuid?.() ?? 0}-${name}`);
  if (!fitsSockets(far)) throw new PlatformError("SOCKET_PATH_TOO_LONG", { folder: far });
  return await makePrivate(far);
}

async function makePrivate(folder: string): Promise<string> {
  await mkdir(folder, { mode: 0o700, recursive: true });
  const found = await lstat(folder);
  // In a folder where everybody writes, somebody else may have made this one first.
  const ours = found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
  if (!ours)
    throw new PlatformError("FILE_UNUSABLE", {
      path: folder,
      reason: "it is not a folder of ours that is closed to others",
    });
  return folder;
}
