import { spawn } from "node:child_process";
import { chmod, chown, mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PlatformError } from "@evenkeel/contracts/error";
import { readTextIfThere, syncFolder } from "@evenkeel/kit/durable-file";
import { type Account, CLUSTER, commandAs } from "./account.ts";
import type { PostgresBinaries } from "./binaries.ts";
import { removeLeftovers, temporaryName } from "./leftover.ts";

// 1. The folder `cluster` exists only whole: initdb works under a temporary name, and a rename ends it.
// 2. Several starters may initialise at once: each has its own temporary folder, the first rename wins.
// 3. A temporary folder is removed only when the process in its name has gone, and what that one had started with it.

/** The superuser, and the name of the database that is made. */
export const USER = "evenkeel";

/** Major version that the data was made by; null when there is no data yet. */
export async function clusterMajor(folder: string): Promise<number | null> {
  const text = await readTextIfThere(join(folder, CLUSTER, "PG_VERSION"));
  return text === null ? null : Number.parseInt(text, 10);
}

export interface InitOptions {
  readonly folder: string;
  readonly account: Account;
  readonly binaries: PostgresBinaries;
}

/** Makes the data folder unless it is there; returns its path. */
export async function ensureCluster({ folder, account, binaries }: InitOptions): Promise<string> {
  const cluster = join(folder, CLUSTER);
  if ((await clusterMajor(folder)) !== null) return cluster;
  await removeLeftovers(folder, CLUSTER);
  const temporary = join(folder, temporaryName(CLUSTER));
  await mkdir(temporary, { mode: 0o700 });
  if (account.kind === "system-user") await chown(temporary, account.uid, account.gid);
  await chmod(temporary, 0o700);
  await initialise(temporary, { folder, account, binaries });
  // killed here: the next start finds no `cluster`, removes this folder, and begins again
  await rename(temporary, cluster).catch(async (error: NodeJS.ErrnoException) => {
    await rm(temporary, { recursive: true, force: true });
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
  });
  await syncFolder(dirname(cluster));
  return cluster;
}

async function initialise(target: string, { account, binaries }: InitOptions): Promise<void> {
  const args = ["-D", target, "-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C"];
  const command = commandAs(account, join(binaries.folder, "bin/initdb"), args);
  const output: string[] = [];
  const code = await new Promise<number | null>((resolve, reject) => {
    const child = spawn(command.file, command.args, {
      cwd: "/",
      env: serverEnvironment(),
      stdio: ["ignore", "pipe", "pipe"],
      ...("uid" in command && { uid: command.uid, gid: command.gid }),
    });
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => output.push(String(bytes)));
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code === 0) return;
  await rm(target, { recursive: true, force: true });
  const problem = output.join("").trim().split("\n").slice(-3).join(" ");
  throw new PlatformError("POSTGRES_FAILED", { problem: `initdb: ${problem}`, log: "the message above" });
}

/** Nothing of our own environment, secrets least of all, reaches the server; its messages are English for us to read. */
export function serverEnvironment(): Record<string, string> {
  return { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };
}
