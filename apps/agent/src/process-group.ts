import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ProcessRecord } from "@evenkeel/agent-core/shim";
import { bootId, isAlive, killIdentity, type ProcessIdentity } from "@evenkeel/kit/process-identity";

// 1. A group is everything that came of one start: its control group where there is one, its session, and whatever
//    carries its marker in the environment, double-forked children included.
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
}

/** Living processes of the group, zombies left out. */
export function membersOf({ marker, record }: Group): ProcessIdentity[] {
  const inControlGroup = record === null ? new Set<number>() : new Set(pidsOfControlGroup(record.cgroup));
  const session = record !== null && sessionIsOurs(record) ? record.pid : null;
  const needle = Buffer.from(`\0${marker.name}=${marker.value}\0`);
  // Nothing of a group is older than its first process: the environment of most processes need not be read.
  const oldest = record?.bootId === bootId() ? record.startTicks : 0;
  return listProcesses()
    .filter((one) => one.startTicks >= oldest)
    .filter((one) => inControlGroup.has(one.pid) || one.session === session || carries(one.pid, needle))
    .map(({ pid, startTicks, bootId: boot }) => ({ pid, startTicks, bootId: boot }));
}

/** Sends the signal to all of the group; answers how many there were. */
export function signalGroup(group: Group, signal: NodeJS.Signals): number {
  const members = membersOf(group);
  for (const member of members) trySignal(member, signal);
  return members.length;
}

/** Waits until nothing of the group lives; false when something still does after `ms`, or the wait was aborted. */
export async function waitGroupGone(group: Group, ms: number, signal?: AbortSignal): Promise<boolean> {
  const until = performance.now() + ms;
  let members = membersOf(group);
  for (;;) {
    members = members.filter(isAlive);
    // A look at all processes costs milliseconds: only when those that were known have gone.
    if (members.length === 0) {
      members = membersOf(group);
      if (members.length === 0) return true;
    }
    if (performance.now() >= until || signal?.aborted === true) return false;
    await sleep(10);
  }
}

/** Kills until nothing of the group lives, also what forks meanwhile; answers the pids that stay. */
export async function killGroup(group: Group, ms: number): Promise<number[]> {
  const until = performance.now() + ms;
  for (;;) {
    if (signalGroup(group, "SIGKILL") === 0) return [];
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

function readProcess(pid: number): Process | null {
  const stat = readIfThere(`/proc/${pid}/stat`)?.toString("latin1");
  if (stat === undefined) return null;
  // The command in brackets may hold blanks and brackets itself: count from its last one.
  const [state, , , session, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (state === "Z" || state === "X") return null;
  return { pid, session: Number(session), startTicks: Number(rest[15]), bootId: bootId() };
}

function carries(pid: number, needle: Buffer): boolean {
  const environment = readIfThere(`/proc/${pid}/environ`);
  return environment !== undefined && Buffer.concat([NUL, environment]).includes(needle);
}

const NUL = Buffer.from("\0");

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
