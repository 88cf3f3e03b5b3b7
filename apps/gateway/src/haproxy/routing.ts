import { EVERYONE } from "@evenkeel/contracts/route-table";
import { normalizeHost } from "../route-table.ts";
import type { TableContent } from "./division.ts";
import { backendName } from "./pool.ts";

/** Lines of a key and its value, by the name of the file. */
export type MapTexts = Readonly<Record<string, string>>;

export const HOSTS_MAP = "hosts.map";
export const WILDCARDS_MAP = "wildcards.map";
export const PATHS_MAP = "paths.map";

/** How a request finds its service: nothing to look up, by path alone, or by host and path. */
export type Routing =
  | { readonly kind: "one"; readonly target: string }
  | { readonly kind: "path"; readonly paths: string }
  | { readonly kind: "host"; readonly hosts: string; readonly wildcards: string; readonly paths: string };

interface Leaf {
  readonly host: string;
  /** With a slash at its end. */
  readonly path: string;
  readonly target: string;
}

/** What is looked up in HAProxy's maps, so that it finds what `compileRoutes` finds. */
export function routingOf({ routes, services }: TableContent): Routing {
  const known = new Set(services.map(({ serviceId }) => serviceId));
  const leaves = routes
    // No request's path has a blank: such a route leads nowhere, and in a map it would end the line.
    .filter(({ serviceId, path }) => known.has(serviceId) && !/[\s\p{Cc}]/u.test(path))
    .map(({ host, path, serviceId }) => ({
      host: host === "*" ? host : host.startsWith("*.") ? host.toLowerCase() : normalizeHost(host),
      path: `${path.replace(/\/+$/, "")}/`,
      target: backendName({ serviceId, subset: EVERYONE }, "kept").replace(/\.kept$/, ""),
    }));
  const [only] = leaves;
  if (leaves.length === 1 && only?.host === "*" && only.path === "/") return { kind: "one", target: only.target };
  if (leaves.every(({ host }) => host === "*")) return { kind: "path", paths: lines(leaves, () => "") };
  const hosts = [...new Set(leaves.map(({ host }) => host))];
  const wildcards = hosts.filter((host) => host.startsWith("*.")).toSorted((one, other) => other.length - one.length);
  const exact = hosts.filter((host) => !host.startsWith("*"));
  return {
    kind: "host",
    hosts: exact.map((host) => `${host} ${host}\n`).join(""),
    // The first that fits is taken: the longest stands first.
    wildcards: wildcards.map((host) => `${host.slice(1)} ${host}\n`).join(""),
    paths: lines(
      [...new Set([...hosts, "*"])].flatMap((host) => leavesFor(host, leaves)),
      ({ host }) => host,
    ),
  };
}

/** Leaves of a host and those it falls back to, less those that its own ones always come before. */
function leavesFor(host: string, leaves: readonly Leaf[]): Leaf[] {
  const found: Leaf[] = [];
  for (const pattern of patternsOf(host)) {
    const here = leaves.filter((leaf) => leaf.host === pattern);
    const before = [...found];
    found.push(...here.filter(({ path }) => !before.some((leaf) => path.startsWith(leaf.path))));
  }
  return found.map((leaf) => ({ ...leaf, host }));
}

function patternsOf(host: string): string[] {
  if (host === "*") return [host];
  const labels = host.split(".");
  const wildcards = labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join(".")}`);
  return [...new Set([host, ...wildcards, "*"])];
}

function lines(leaves: readonly Leaf[], prefix: (leaf: Leaf) => string): string {
  const seen = new Set<string>();
  return leaves
    .filter((leaf) => {
      const key = prefix(leaf) + leaf.path;
      if (seen.has(key)) return false;
      seen.add(key);
      return true;
    })
    .map((leaf) => `${prefix(leaf)}${leaf.path} ${leaf.target}\n`)
    .join("");
}
