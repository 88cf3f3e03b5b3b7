import { accessSync, constants, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";

const PREFIX = "evenkeel-";

/** Makes a control group below the agent's own and answers its `cgroup.procs`; undefined where this host lets us not. */
export function makeControlGroup(name: string): string | undefined {
  for (const parent of parents()) {
    const folder = join(parent, `${PREFIX}${name}`);
    try {
      mkdirSync(folder, { recursive: true });
      const file = join(folder, "cgroup.procs");
      accessSync(file, constants.W_OK);
      return file;
    } catch {
      // Read-only or not ours: session and marker find the processes too.
    }
  }
  return undefined;
}

/** Removes the group if nothing is left in it. */
export function removeControlGroup(folder: string): void {
  if (folder === "") return;
  try {
    rmdirSync(folder);
  } catch {
    // Not empty, or gone.
  }
}

// An agent makes its group a moment before a process enters it; what another host has left is older than that.
const LEFT_FOR_MS = 3_600_000;

/**
 * Removes empty groups that agents were killed before they could remove: all of this host, at its agent's start, and old
 * ones of hosts that have gone. A shim that finds its group gone goes on without one.
 */
export function collectControlGroups(hostId: string): void {
  for (const parent of parents()) {
    const names = readNames(parent).filter((name) => name.startsWith(PREFIX));
    for (const name of names) {
      const folder = join(parent, name);
      // Not empty: rmdir refuses.
      if (name.startsWith(`${PREFIX}${hostId}-`) || ageMs(folder) > LEFT_FOR_MS) removeControlGroup(folder);
    }
  }
}

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function ageMs(folder: string): number {
  try {
    return Date.now() - statSync(folder).ctimeMs;
  } catch {
    return 0;
  }
}

let parentsOnce: string[] | undefined;

/** Version 2 first; of version 1 the hierarchies that limit nothing by themselves. */
function parents(): string[] {
  parentsOnce ??= findParents(read("/proc/self/cgroup"), read("/proc/self/mountinfo"));
  return parentsOnce;
}

/** Our own place in each hierarchy that is of use, from /proc/self/cgroup and /proc/self/mountinfo. */
export function findParents(cgroup: string, mountinfo: string): string[] {
  const mounts = mountinfo
    .split("\n")
    .map((line) => line.split(" "))
    .map((fields) => ({
      root: fields[3],
      point: fields[4],
      type: fields[fields.indexOf("-") + 1],
      super: fields.at(-1),
    }));
  return ["", "pids", "freezer"].flatMap((controller) => {
    const line = cgroup.split("\n").find((one) => one.split(":")[1] === controller);
    const mount = mounts.find(({ type, super: options }) =>
      controller === "" ? type === "cgroup2" : type === "cgroup" && options?.split(",").includes(controller),
    );
    const path = line?.split(":").slice(2).join(":");
    if (path === undefined || mount?.point === undefined || path.includes("..")) return [];
    // In a container the mount shows a part of the tree: our path begins with that part.
    const root = mount.root === "/" ? "" : (mount.root ?? "");
    return [join(mount.point, path.startsWith(root) ? path.slice(root.length) : path)];
  });
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
