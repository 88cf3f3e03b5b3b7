import { accessSync, constants, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";

/** Makes a control group below the agent's own and answers its `cgroup.procs`; undefined where this host lets us not. */
export function makeControlGroup(name: string): string | undefined {
  for (const parent of parents()) {
    const folder = join(parent, `evenkeel-${name}`);
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
    // Not empty, or gone: an empty one that stays costs nothing.
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
