import type { RouteTable } from "@evenkeel/contracts/route-table";

type TableVersion = Pick<RouteTable, "epoch" | "version">;

/** Negative when `one` is older than `other`. */
export function compareTables(one: TableVersion, other: TableVersion): number {
  return one.epoch - other.epoch || one.version - other.version;
}

interface Rule<Target> {
  readonly host: string;
  readonly path: string;
  readonly target: Target;
}

interface Leaf<Target> {
  /** Without a slash at its end; `/` is the empty text. */
  readonly prefix: string;
  readonly target: Target;
}

/** Finds the target of a request: by its Host header as it came, and its path with query. */
export type Match<Target> = (host: string, path: string) => Target | null;

// The Host header is the client's word: what is remembered of it must stay bounded.
const REMEMBERED_HOSTS = 1000;

/** Host exact before `*.name` (longest first) before `*`; in each the longest path prefix on whole segments. */
export function compileRoutes<Target>(rules: readonly Rule<Target>[]): Match<Target> {
  const leavesByHost = new Map<string, Leaf<Target>[]>();
  for (const { host, path, target } of rules) {
    const leaves = leavesByHost.get(host) ?? [];
    leaves.push({ prefix: path.replace(/\/+$/, ""), target });
    leavesByHost.set(host, leaves);
  }
  for (const leaves of leavesByHost.values()) leaves.sort((one, other) => other.prefix.length - one.prefix.length);

  const remembered = new Map<string, readonly Leaf<Target>[]>();
  return (host, path) => {
    let leaves = remembered.get(host);
    if (leaves === undefined) {
      leaves = hostPatterns(normalizeHost(host)).flatMap((pattern) => leavesByHost.get(pattern) ?? []);
      if (remembered.size >= REMEMBERED_HOSTS) remembered.clear();
      remembered.set(host, leaves);
    }
    for (const { prefix, target } of leaves) if (hasPrefix(path, prefix)) return target;
    return null;
  };
}

const SLASH = 47;
const QUESTION_MARK = 63;

function hasPrefix(path: string, prefix: string): boolean {
  if (!path.startsWith(prefix)) return false;
  if (path.length === prefix.length) return true;
  const next = path.charCodeAt(prefix.length);
  return next === SLASH || next === QUESTION_MARK;
}

/** Lower case, without port and without the dot at the end. */
export function normalizeHost(host: string): string {
  const withoutPort = host.replace(/:\d*$/, "");
  return withoutPort.replace(/\.$/, "").toLowerCase();
}

function hostPatterns(host: string): string[] {
  const labels = host.split(".");
  const wildcards = labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join(".")}`);
  return [host, ...wildcards, "*"];
}
