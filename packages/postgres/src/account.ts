import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, readFile, rm } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PlatformError } from "@evenkeel/contracts/error";

const run = promisify(execFile);

/**
 * As whom the server runs, because PostgreSQL refuses root. `namespace`: as ourselves, under another number.
 * `system-user`: as another user, in a folder that he can enter, which is said aloud in `notice`.
 */
export type Account =
  | { readonly kind: "direct" }
  | { readonly kind: "namespace"; readonly uid: number }
  | {
      readonly kind: "system-user";
      readonly uid: number;
      readonly gid: number;
      readonly folder: string;
      readonly notice: string;
    };

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
}

/** How to run a program as this account; the pid of what runs is the pid of what is spawned. */
export function commandAs(account: Account, file: string, args: readonly string[]): Command {
  switch (account.kind) {
    case "direct":
      return { file, args };
    case "namespace": {
      const map = [`--map-user=${account.uid}`, `--map-group=${account.uid}`];
      return { file: "unshare", args: ["--user", ...map, "--", file, ...args] };
    }
    case "system-user":
      return { file, args, uid: account.uid, gid: account.gid };
  }
}

/** Chooses the account for a server whose folders are these; asks the machine what it allows. */
export async function chooseAccount(dataDir: string, folders: readonly string[]): Promise<Account> {
  const root = process.getuid?.() === 0;
  if (!root && hasName()) return { kind: "direct" };
  // Data that was begun there stays there, even where namespaces are allowed by now.
  if (root && existsSync(join(systemFolder(dataDir), CLUSTER))) return await systemUser(dataDir);
  const uid = await namedUid();
  if (uid !== null && (await namespaceReaches({ kind: "namespace", uid }, folders))) return { kind: "namespace", uid };
  if (!root)
    throw new PlatformError("POSTGRES_FAILED", {
      problem: "this user has no name, and user namespaces are refused",
      log: "id",
    });
  return await systemUser(dataDir);
}

function hasName(): boolean {
  try {
    userInfo();
    return true;
  } catch {
    return false;
  }
}

/** initdb wants a number that has a name. 65534 is left out: there every unmapped owner looks like ourselves. */
async function namedUid(): Promise<number | null> {
  const lines = (await readFile("/etc/passwd", "utf8").catch(() => "")).split("\n");
  const uids = lines.map((line) => Number(line.split(":")[2] || Number.NaN));
  return uids.find((uid) => uid > 0 && uid < 65534) ?? null;
}

async function namespaceReaches(account: Account, folders: readonly string[]): Promise<boolean> {
  const script = 'for folder; do test -r "$folder" && test -x "$folder" && test -w "$folder" || exit 1; done';
  const { file, args } = commandAs(account, "sh", ["-c", script, "sh", ...folders]);
  return await new Promise((resolve) => {
    const child = spawn(file, args, { stdio: "ignore" });
    child.once("error", () => resolve(false));
    child.once("exit", (code) => resolve(code === 0));
  });
}

const SYSTEM_USER = "evenkeel";
const SYSTEM_FOLDER = "/var/lib/evenkeel";

/** Name of the data folder proper, below the folder that the caller gives. */
export const CLUSTER = "cluster";

/** Removes everything of the server of this folder, which must not live any more. */
export async function removeServerFolder(dataDir: string): Promise<void> {
  await rm(dataDir, { recursive: true, force: true });
  await rm(systemFolder(dataDir), { recursive: true, force: true });
}

function systemFolder(dataDir: string): string {
  return join(SYSTEM_FOLDER, createHash("sha256").update(dataDir).digest("hex").slice(0, 16));
}

async function systemUser(dataDir: string): Promise<Account> {
  const { uid, gid } = (await lookUp(SYSTEM_USER)) ?? (await addUser());
  const folder = systemFolder(dataDir);
  await mkdir(folder, { recursive: true });
  await chmod(SYSTEM_FOLDER, 0o755);
  await chown(folder, uid, gid);
  await chmod(folder, 0o700);
  const notice = `user namespaces are refused here: the database runs as ${SYSTEM_USER}, its data is in ${folder}, not in ${dataDir}`;
  return { kind: "system-user", uid, gid, folder, notice };
}

async function lookUp(name: string): Promise<{ uid: number; gid: number } | null> {
  const lines = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"));
  const fields = lines.find((line) => line[0] === name);
  return fields === undefined ? null : { uid: Number(fields[2]), gid: Number(fields[3]) };
}

async function addUser(): Promise<{ uid: number; gid: number }> {
  try {
    await run("useradd", [
      "--system",
      "--no-create-home",
      "--home-dir",
      SYSTEM_FOLDER,
      "--shell",
      "/usr/sbin/nologin",
      SYSTEM_USER,
    ]);
  } catch (error) {
    // Two at once: the other has added it.
    const there = await lookUp(SYSTEM_USER);
    if (there !== null) return there;
    throw new PlatformError("POSTGRES_FAILED", {
      problem: `the user ${SYSTEM_USER} cannot be added: ${(error as Error).message.trim()}`,
      log: "useradd",
    });
  }
  const added = await lookUp(SYSTEM_USER);
  if (added === null)
    throw new PlatformError("POSTGRES_FAILED", { problem: `the user ${SYSTEM_USER} cannot be added`, log: "useradd" });
  return added;
}
