import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ProcessRecord } from "@evenkeel/agent-core/shim";
import { bootId, hasOtherThreads, isAlive, killIdentity, type ProcessIdentity } from "@evenkeel/kit/process-identity";

// 1. A group is everything that came of one start: its control group where there is one, its session, and whatever
//    carries its marker in the environment, double-forked children included.
//    A process in the middle of an exec shows neither environment nor arguments: nobody is gone while there is one.
// 2. Nothing else is ever signalled: each process is named by pid and start, looked up right before.

/** A variable that every process of a group was started with. */
export interface Marker {
  readonly name: "EVENKEEL_INSTANCE" | "EVENKEEL_SCRIPT";
  readonly value: string;
}

export interface Group {
  readonly marker: Marker;
  /** Record of the first process; null where none was written. */
  readonly record: ProcessRecord | null;
}

interface Process extends ProcessIdentity {
  readonly session: number;
  readonly isKernel: boolean;
}

interface Scan {
  readonly members: ProcessIdentity[];
  /** A young process is in the middle of an exec: it may be a member. */
  readonly uncertain: boolean;
}

/** How long uncertainty keeps a group from being gone, in ms: an exec is short, an emptied argument list is for life. */
const UNCERTAIN_MS = 1000;

/** Living processes of the group, zombies left out. */
export function membersOf(group: Group): ProcessIdentity[] {
  return scan(group).members;
}

/** Those of each of these groups, by one look at all processes. */
export function membersOfEach(groups: readonly Group[]): ProcessIdentity[][] {
  const census = new Census();
  return groups.map((group) => scan(group, census).members);
}

/** Processes as one look found them; the environment of each is read once, where somebody asks for it. */
class Census {
  readonly processes = listProcesses();
  readonly #environments = new Map<number, Buffer | undefined>();

  environment(pid: number): Buffer | undefined {
    if (!this.#environments.has(pid)) this.#environments.set(pid, readIfThere(`/proc/${pid}/environ`));
    return this.#environments.get(pid);
  }
}

function scan({ marker, record }: Group, census = new Census()): Scan {
  const inControlGroup = record === null ? new Set<number>() : new Set(pidsOfControlGroup(record.cgroup));
  const session = record !== null && sessionIsOurs(record) ? record.pid : null;
  const needle = Buffer.from(`\0${marker.name}=${marker.value}\0`);
  // Nothing of a group is older than its first process: the environment of most processes need not be read.
  const oldest = record?.bootId === bootId() ? record.startTicks : 0;
  const candidates = census.processes.filter((one) => one.startTicks >= oldest && !one.isKernel);
  const signs = candidates.map((one) =>
    inControlGroup.has(one.pid) || one.session === session ? "ours" : readSign(one.pid, needle, census),
  );
  const members = candidates.filter((_, at) => signs[at] === "ours");
  return {
    members: members.map(({ pid, startTicks, bootId: boot }) => ({ pid, startTicks, bootId: boot })),
    uncertain: signs.includes("uncertain"),
  };
}

function readSign(pid: number, needle: Buffer, census: Census): "ours" | "uncertain" | "strange" {
  const environment = census.environment(pid);
  if (environment === undefined) return "strange";
  if (environment.length === 0) return readIfThere(`/proc/${pid}/cmdline`)?.length === 0 ? "uncertain" : "strange";
  const isFirst = environment.subarray(0, needle.length - 1).equals(needle.subarray(1));
  return isFirst || environment.includes(needle) ? "ours" : "strange";
}

/** Sends the signal to all of the group; answers how many there were. */
export function signalGroup(group: Group, signal: NodeJS.Signals): number {
  const members = membersOf(group);
  for (const member of members) trySignal(member, signal);
  return members.length;
}

/** Waits until nothing of the group lives; false when something still does after `ms`, or the wait was aborted. */
export async function waitGroupGone(group: Group, ms: number, signal?: AbortSignal): Promise<boolean> {
  const begun = performance.now();
  const passedMs = (): number => performance.now() - begun;
  let members: ProcessIdentity[] = [];
  for (;;) {
    members = members.filter(isAlive);
    // A look at all processes costs milliseconds: only when those that were known have gone.
    if (members.length === 0) {
      const found = scan(group);
      members = found.members;
      if (members.length === 0 && (!found.uncertain || passedMs() > UNCERTAIN_MS)) return true;
    }
    if (passedMs() >= ms || signal?.aborted === true) return false;
    await sleep(10);
  }
}

/** Kills until nothing of the group lives, also what forks meanwhile; answers the pids that stay. */
export async function killGroup(group: Group, ms: number): Promise<number[]> {
  const until = performance.now() + ms;
  for (;;) {
    signalGroup(group, "SIGKILL");
    if (await waitGroupGone(group, 100)) return [];
    if (performance.now() >= until) return membersOf(group).map(({ pid }) => pid);
  }
}

function trySignal(member: ProcessIdentity, signal: NodeJS.Signals): void {
  try {
    killIdentity(member, signal);
  } catch (error) {
    // A process that took another user's identity: the control group or the next look deals with it.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
  }
}

/** The session's number is not given anew while one of its members lives; only a stranger with the leader's pid shows that all had gone. */
function sessionIsOurs(record: ProcessRecord): boolean {
  if (record.bootId !== bootId()) return false;
  const leader = readProcess(record.pid);
  return leader === null || leader.startTicks === record.startTicks;
}

function listProcesses(): Process[] {
  const pids = readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name));
  return pids.map((pid) => readProcess(Number(pid))).filter((one) => one !== null);
}

/** PF_KTHREAD among the flags in /proc/PID/stat. */
const KERNEL_THREAD = 0x0020_0000;

function readProcess(pid: number): Process | null {
  const stat = readIfThere(`/proc/${pid}/stat`)?.toString("latin1");
  if (stat === undefined) return null;
  // The command in brackets may hold blanks and brackets itself: count from its last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, , , session] = fields;
  const ended = state === "Z" || state === "X";
  if (ended && !hasOtherThreads(pid)) return null;
  return {
    pid,
    session: Number(session),
    startTicks: Number(fields[19]),
    // Not by their lack of memory: a dying process has none either, while it still holds its sockets.
    isKernel: (Number(fields[6]) & KERNEL_THREAD) !== 0,
    bootId: bootId(),
  };
}

function pidsOfControlGroup(folder: string): number[] {
  if (folder === "") return [];
  const own = readIfThere(join(folder, "cgroup.procs"))?.toString("latin1").split("\n") ?? [];
  const below = own.length === 0 ? [] : foldersIn(folder).flatMap((name) => pidsOfControlGroup(join(folder, name)));
  return [...own.filter((pid) => pid !== "").map(Number), ...below];
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return [];
  }
}

/** Undefined where the process has gone or belongs to somebody else. */
function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (["ENOENT", "ESRCH", "EACCES", "EPERM", "ENODEV", "ENOTSUP"].includes(code)) return undefined;
    throw error;
  }
}
