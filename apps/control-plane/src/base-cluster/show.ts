import type { Base, BaseCluster, Drift, PlacedVersion, Placement } from "@evenkeel/contracts/base-cluster";
import type { ModuleReport } from "@evenkeel/contracts/base-protocol";
import { say } from "@evenkeel/contracts/phrase";
import type { BaseRow, ClusterRow } from "./store/index.ts";

export const showCluster = (row: ClusterRow, placements: readonly Placement[]): BaseCluster => ({
  ...row,
  placements: [...placements],
});

/** A base as people see it, compared with what its cluster wants. */
export function showBase(row: BaseRow, placements: readonly Placement[]): Base {
  const { report, online, ...stored } = row;
  const modules = report?.modules ?? [];
  return {
    ...placeOf(stored),
    kind: report?.kind ?? "evenkeel",
    state: report === null ? "gone" : online ? report.state : "offline",
    problem: report?.problem ?? null,
    pid: report?.pid ?? null,
    startedAt: report?.startedAt ?? null,
    description: report?.description ?? null,
    modules,
    rules: report?.rules ?? [],
    businesses: report?.businesses ?? [],
    drift: report === null ? [] : driftOf(row, modules, placements),
  };
}

function placeOf(row: Omit<BaseRow, "report" | "online">) {
  const { id, name, workspace, service, serviceId, host, hostId, zone, cluster, reportedAt } = row;
  return { id, name, workspace, service, serviceId, host, hostId, zone, cluster, reportedAt };
}

/** What is placed there and is not there as it should be, and what is there and was not placed. */
function driftOf(
  { id }: Pick<BaseRow, "id">,
  modules: readonly ModuleReport[],
  placements: readonly Placement[],
): Drift[] {
  const here = placements.filter(({ bases }) => bases === "all" || bases.includes(id));
  const wanted = new Map(here.map(({ module, versions }) => [module, shown(versions.map(placed))]));
  const alive = modules.filter(({ state }) => state !== "draining" && state !== "uninstalled");
  const found = new Map(
    [...Map.groupBy(alive, ({ name }) => name)].map(([name, its]) => [name, shown(its.map(standing))]),
  );
  const names = [...new Set([...wanted.keys(), ...found.keys()])].sort();
  return names.flatMap((module) => {
    const drift = { module, wanted: wanted.get(module) ?? NOTHING, found: found.get(module) ?? NOTHING };
    return drift.wanted === drift.found ? [] : [drift];
  });
}

const NOTHING = say("drift.nothing");

const shown = (versions: readonly string[]): string => [...versions].sort().join(", ");

const placed = ({ version, active, published }: PlacedVersion): string =>
  say("drift.standing", { version, state: active ? (published === null ? "active" : "published") : "inactive" });

function standing({ version, state, published, origin }: ModuleReport): string {
  const how = state === "active" ? (published ? "published" : "active") : state === "resolved" ? "inactive" : state;
  const facts = { version, state: how };
  return origin === "order" ? say("drift.standing", facts) : say("drift.by", { ...facts, origin });
}
