// Folders for what a base needs while it runs. One that is killed removes none: whoever opens a base takes away those of processes that are gone.
//
// 1. A folder's name says which process made it, and in which namespace of process numbers: a number alone says nothing to a neighbour in a container.
// 2. Only what is a folder of this user, made in this namespace, by a process whose number nobody has, is taken away.
import { mkdtempSync, readlinkSync } from "node:fs";
import { lstat, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type ScratchKind = "arklet" | "worker" | "trial";

const NAME = /^evenkeel-(?:arklet|worker|trial)-(\d+)\.([0-9a-z]+)-\w{6}$/;

/** Makes a folder of this process below the system's folder for temporary files. */
export function makeScratchFolder(kind: ScratchKind): string {
  return mkdtempSync(join(tmpdir(), `evenkeel-${kind}-${process.pid}.${namespace()}-`));
}

/** Takes the folders of processes away that ended without doing so; answers how many. */
export async function clearScratchFolders(folder: string = tmpdir()): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const left = names.filter((name) => {
    const [, pid = "", its] = NAME.exec(name) ?? [];
    return its === namespace() && isGone(Number(pid));
  });
  let cleared = 0;
  for (const name of left) {
    const path = join(folder, name);
    const found = await lstat(path).catch(() => null);
    if (found === null || !found.isDirectory() || found.uid !== process.getuid?.()) continue;
    // Another base may be at it, too.
    await rm(path, { recursive: true, force: true }).then(
      () => (cleared += 1),
      () => undefined,
    );
  }
  return cleared;
}

function namespace(): string {
  try {
    const [, inode = "0"] = /\[(\d+)\]/.exec(readlinkSync("/proc/self/ns/pid")) ?? [];
    return Number(inode).toString(36);
  } catch {
    // Without namespaces there is one.
    return "0";
  }
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    // EPERM: it lives, and is another user's.
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}
