import type { Base, BaseCluster } from "@evenkeel/contracts/base-cluster";
import type { ModuleReport } from "@evenkeel/contracts/base-protocol";
import type { ModuleBundle } from "@evenkeel/contracts/module-bundle";
import type { Tone } from "../kit/surface.tsx";

/** A version of a module in a cluster: how many bases hold it, and how. */
export interface Stand {
  readonly cluster: string;
  readonly version: string;
  readonly bases: number;
  readonly active: number;
  readonly published: number;
  readonly broken: number;
  readonly tags: Readonly<Record<string, string>>;
}

/** The name for bases that are in no cluster. */
export const NO_CLUSTER = "";

const holders = (bases: readonly Base[], name: string) =>
  bases.flatMap(({ cluster, modules }) =>
    modules.filter((one) => one.name === name).map((report) => ({ cluster: cluster ?? NO_CLUSTER, report })),
  );

/** Where a module stands, by cluster and version, newest version first. */
export function standsOf(bases: readonly Base[], name: string): Stand[] {
  const groups = Map.groupBy(holders(bases, name), ({ cluster, report }) => `${cluster} ${report.version}`);
  const stands = [...groups.values()].map((all): Stand => {
    const reports = all.map(({ report }) => report);
    const count = (fits: (report: ModuleReport) => boolean) => reports.filter(fits).length;
    return {
      cluster: all[0]?.cluster ?? NO_CLUSTER,
      version: reports[0]?.version ?? "",
      bases: reports.length,
      active: count(({ state }) => state === "active"),
      published: count(({ published }) => published),
      broken: count((report) => toneOf(report) === "bad"),
      tags: reports[0]?.tags ?? {},
    };
  });
  return stands.toSorted((one, other) => one.cluster.localeCompare(other.cluster) || newerFirst(one, other));
}

export const newerFirst = (one: { readonly version: string }, other: { readonly version: string }): number =>
  other.version.localeCompare(one.version, "en", { numeric: true });

/** Health of one version on one base. */
export function toneOf({ state, health, problem }: Pick<ModuleReport, "state" | "health" | "problem">): Tone {
  if (state === "broken") return "bad";
  if (!health.healthy) return "bad";
  if (problem !== null) return "warn";
  if (state === "active") return "good";
  return state === "activating" || state === "draining" ? "busy" : "idle";
}

/** Names of all modules: those that were uploaded, and those that stand somewhere. */
export function moduleNames(bundles: readonly ModuleBundle[], { bases, clusters }: Placed): string[] {
  const names = new Set([
    ...bundles.map(({ name }) => name as string),
    ...bases.flatMap(({ modules }) => modules.map(({ name }) => name as string)),
    ...clusters.flatMap(({ placements }) => placements.map(({ module }) => module as string)),
  ]);
  return [...names].sort();
}

export interface Placed {
  readonly bases: readonly Base[];
  readonly clusters: readonly BaseCluster[];
}

/** One thing that modules answer to, and which publication does. */
export interface Publication {
  readonly kind: "service" | "route" | "event" | "component" | "snippet";
  readonly name: string;
  readonly module: string;
  readonly version: string;
  readonly cluster: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly bases: number;
}

/** What is published in a workspace, by what it is called. */
export function publicationsOf(bases: readonly Base[]): Publication[] {
  const found = new Map<string, Publication>();
  for (const { cluster, modules } of bases) {
    for (const report of modules.filter(({ published }) => published)) {
      for (const [kind, name] of providedBy(report)) {
        const { name: module, version, tags } = report;
        const place = { kind, name, module, version, cluster: cluster ?? NO_CLUSTER, tags };
        const id = JSON.stringify(place);
        found.set(id, { ...place, bases: (found.get(id)?.bases ?? 0) + 1 });
      }
    }
  }
  const inOrder = (one: Publication, other: Publication) =>
    one.kind.localeCompare(other.kind) || one.name.localeCompare(other.name) || newerFirst(one, other);
  return [...found.values()].toSorted(inOrder);
}

function providedBy({ provides }: ModuleReport): [Publication["kind"], string][] {
  return [
    ...provides.services.map((name): [Publication["kind"], string] => ["service", name]),
    ...provides.routes.map(({ path }): [Publication["kind"], string] => ["route", path]),
    ...provides.events.map((name): [Publication["kind"], string] => ["event", name]),
    ...provides.components.map(({ point }): [Publication["kind"], string] => ["component", point]),
    ...(provides.snippet === undefined ? [] : [["snippet", provides.snippet] as [Publication["kind"], string]]),
  ];
}

/** What may be done with a version where it stands. */
export type StandAction = "publish" | "unpublish" | "activate" | "deactivate" | "uninstall";

export function actionsOf({ bases, active, published }: Stand): StandAction[] {
  return [
    ...(active > published ? (["publish"] as const) : []),
    ...(published > 0 ? (["unpublish"] as const) : []),
    ...(active < bases ? (["activate"] as const) : []),
    ...(active > 0 ? (["deactivate"] as const) : []),
    "uninstall",
  ];
}
