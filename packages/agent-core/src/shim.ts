import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PlatformError } from "@evenkeel/contracts/error";
import { makeFolder, writeDurable } from "@evenkeel/kit/durable-file";
import { ProcessIdentity } from "@evenkeel/kit/process-identity";
import { z } from "zod";

// 1. A process runs only if its record is durable: pid, start and boot are written before the exec, under the lock.
// 2. An intent leads to one record or to none: whoever holds the lock first, the shim or who voids, decides.
// 3. The lock is closed before the exec: it says nothing about life. Alive = the record's pid with its start and boot.
// 4. No pipes: what the process writes goes to files that are open for append.

/** Exit codes of the shim itself, before it becomes the process. */
const NO_INTENT = 75;
const NOT_RECORDED = 74;
const NO_FOLDER = 72;
/** More than any record takes. */
const PROBE_BYTES = 4096;

/** Where the shim finds flock, sync and mv, whatever PATH the process is to have. */
const TOOLS_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Arguments: folder of the record, intent, cgroup.procs or "", working folder, the PATH to exec with, then the command.
// Fields 1 and 20 behind the last bracket of /proc/PID/stat are the state and the start in clock ticks.
const SHIM = `
folder=$1 intent=$2 cgroup=$3 work=$4 path=$5
shift 5
exec 3>&2 2>/dev/null
exec 9>>"$folder/lock" || exit ${NOT_RECORDED}
flock 9 || exit ${NOT_RECORDED}
read -r open <"$folder/intent" && [ "$open" = "$intent" ] || exit ${NO_INTENT}
[ -z "$cgroup" ] || { echo $$ >"$cgroup"; } || cgroup=
read -r stat </proc/$$/stat
read -r boot </proc/sys/kernel/random/boot_id
stat=\${stat##*) }
start=$(set -- $stat; shift 19; echo $1)
printf '{"intent":"%s","pid":%s,"startTicks":%s,"bootId":"%s","cgroup":"%s"}\\n' \
  "$intent" $$ "$start" "$boot" "\${cgroup%/cgroup.procs}" >"$folder/record.tmp" &&
  sync "$folder/record.tmp" && mv "$folder/record.tmp" "$folder/record" && sync "$folder" || exit ${NOT_RECORDED}
exec 9>&- 2>&3 3>&-
cd "$work" || exit ${NO_FOLDER}
PATH=$path
export PATH
exec "$@"
`;

// Under the lock: the record stands if it is this intent's, else the intent goes and a late shim leaves with 75.
const VOID = `
exec 9>>"$1/lock" && flock 9 || exit 1
grep -q "^{\\"intent\\":\\"$2\\"," "$1/record" 2>/dev/null && exit 0
rm -f "$1/intent"
sync "$1"
`;

/** What a shim wrote of the process that it became. */
export const ProcessRecord = z.strictObject({
  intent: z.string(),
  ...ProcessIdentity.shape,
  /** Folder of the control group it entered; empty without one. */
  cgroup: z.string(),
});
export type ProcessRecord = z.infer<typeof ProcessRecord>;

/** What to start, and where its record, lock and output lie. */
export interface Launch {
  /** Folder of lock, intent and record. */
  readonly folder: string;
  /** Names this start among all starts; letters, digits, `.`, `_` and `-`. */
  readonly intent: string;
  readonly command: readonly [string, ...string[]];
  readonly workFolder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdout: string;
  readonly stderr: string;
  /** `cgroup.procs` of the control group to enter. */
  readonly cgroup?: string | undefined;
}

/** A process that was started, whose record is durable. */
export interface Launched {
  readonly record: ProcessRecord;
  readonly child: ChildProcess;
}

/** Reads the record in this folder; null when no process was ever started there. */
export async function readRecord(folder: string): Promise<ProcessRecord | null> {
  try {
    return ProcessRecord.parse(JSON.parse(await readFile(join(folder, "record"), "utf8")));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** Writes the intent; until it is voided a shim may turn it into a process. */
export async function writeIntent(folder: string, intent: string): Promise<void> {
  await makeFolder(folder);
  await writeDurable(join(folder, "intent"), `${intent}\n`);
}

/** Ends the intent unless a shim was faster; answers that shim's record. */
export async function voidIntent(folder: string, intent: string): Promise<ProcessRecord | null> {
  const child = spawn("/bin/sh", ["-c", VOID, "void", folder, intent], { stdio: "ignore" });
  const code = await new Promise((resolve, reject) => child.once("error", reject).once("exit", resolve));
  if (code !== 0) throw new PlatformError("FILE_UNUSABLE", { path: join(folder, "lock"), reason: `exit code ${code}` });
  const record = await readRecord(folder);
  return record?.intent === intent ? record : null;
}

/** Starts a process through the shim; resolves once its record is durable. */
export async function launch(options: Launch): Promise<Launched> {
  const child = spawnShim(options);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code));
  });
  for (;;) {
    const exit = await Promise.race([ended, sleep(2, "later" as const)]);
    const record = await readRecord(options.folder);
    if (record?.intent === options.intent) return { record, child };
    if (exit !== "later") throw notStarted(options, exit);
  }
}

function spawnShim({ folder, intent, command, workFolder, env, stdout, stderr, cgroup = "" }: Launch): ChildProcess {
  const files = [openSync(stdout, "a"), openSync(stderr, "a")];
  try {
    const path = env.PATH ?? TOOLS_PATH;
    return spawn("/bin/sh", ["-c", SHIM, "shim", folder, intent, cgroup, workFolder, path, ...command], {
      env: { ...env, PATH: TOOLS_PATH },
      stdio: ["ignore", ...files],
      // A session of its own: neither the agent's end nor its terminal reaches the process.
      detached: true,
      cwd: "/",
    });
  } finally {
    for (const file of files) closeSync(file);
  }
}

function notStarted({ folder, intent }: Launch, exit: number | null): PlatformError {
  if (exit === NO_INTENT) return new PlatformError("STEP_INTERRUPTED", { problem: `the start ${intent} was voided` });
  const probe = join(folder, "probe");
  try {
    writeFileSync(probe, "x".repeat(PROBE_BYTES));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOSPC")
      return new PlatformError("DISK_FULL", { freeBytes: 0, neededBytes: PROBE_BYTES });
  } finally {
    rmSync(probe, { force: true });
  }
  return new PlatformError("FILE_UNUSABLE", { path: join(folder, "record"), reason: `exit ${exit} of the shim` });
}
