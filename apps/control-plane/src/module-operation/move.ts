import type { PlacedVersion, Placement } from "@evenkeel/contracts/base-cluster";
import { isRefusal, type Refusal, refuse } from "@evenkeel/contracts/error";
import type { BaseId } from "@evenkeel/contracts/id";
import type { ModuleOperationSpec } from "@evenkeel/contracts/module-operation";
import { say } from "@evenkeel/contracts/phrase";
import type { BaseRow, ClusterRow } from "../base-cluster/index.ts";
import { type BaseAim, basesNamed, clusterNamed, type PlacementWorld } from "../placement/plan/index.ts";
import type { ClusterPlacements, Wanted } from "./wanted.ts";

type MoveSpec = Extract<ModuleOperationSpec, { operation: "move" }>;

/** Bases change cluster and get what stands on all bases of the new one. */
export function moveBases(spec: MoveSpec, world: PlacementWorld): Wanted | Refusal {
  const bases = basesNamed(world.bases, spec.bases);
  if (isRefusal(bases)) return bases;
  const to = spec.to === null ? null : clusterNamed(world, spec.to);
  if (isRefusal(to)) return to;
  const there = bases.filter(({ clusterId }) => clusterId === (to?.id ?? null));
  const where = to?.name ?? say("value.no-cluster");
  if (there.length > 0)
    return refuse("BASE_THERE", { bases: there.map(({ name }) => name).join(", "), cluster: where });
  const given = to === null || to.buffer ? new Map<string, PlacedVersion[]>() : modulesForAll(world, to);
  const left = leftBy(world, bases);
  return {
    title: titleOf(bases, to?.name ?? null),
    group: where,
    aims: bases.map((base): BaseAim => ({ base, wishes: given, move: { to: to?.id ?? null, cameFrom: null } })),
    modules: to === null ? [] : [...given.keys()].map((module) => ({ cluster: to, module, shared: true })),
    moving: bases,
    before: left.map(({ before }) => before),
    after: left.map(({ after }) => after),
    warnings: gaps(world, bases),
  };
}

function titleOf(bases: readonly BaseRow[], cluster: string | null): string {
  const count = bases.length;
  const base = bases[0]?.name ?? "";
  if (count === 1) return cluster === null ? say("title.free", { base }) : `${base} → ${cluster}`;
  return cluster === null ? say("title.free-many", { count }) : say("title.move-many", { count, cluster });
}

/** What every base of a cluster holds. */
export function modulesForAll(world: PlacementWorld, { id }: ClusterRow): Map<string, PlacedVersion[]> {
  const placements = (world.placements.get(id) ?? []).filter(({ bases }) => bases === "all");
  return new Map(placements.map(({ module, versions }) => [module as string, versions]));
}

/** Placements that name a base are without it once it has gone. */
export function leftBy(
  world: PlacementWorld,
  bases: readonly BaseRow[],
): { readonly before: ClusterPlacements; readonly after: ClusterPlacements }[] {
  const going = new Set<BaseId>(bases.map(({ id }) => id));
  return world.clusters.flatMap((cluster) => {
    const named = (world.placements.get(cluster.id) ?? []).filter((each) => without(each, going) !== each);
    if (named.length === 0) return [];
    const after = named.map((each) => without(each, going));
    return [{ before: { cluster, placements: named }, after: { cluster, placements: after } }];
  });
}

function without(placement: Placement, going: ReadonlySet<BaseId>): Placement {
  const { bases } = placement;
  if (bases === "all" || !bases.some((id) => going.has(id))) return placement;
  return { ...placement, bases: bases.filter((id) => !going.has(id)) };
}

/** While they move their requests must go elsewhere. */
function gaps(world: PlacementWorld, bases: readonly BaseRow[]): string[] {
  const hosts = new Set(bases.map(({ hostId }) => hostId));
  const services = new Map(bases.map(({ serviceId, service }) => [serviceId, service]));
  return [...services].flatMap(([id, service]) => {
    const serving = (world.upstreams.get(id) ?? []).filter(({ state, weight }) => state === "attached" && weight > 0);
    const staying = serving.filter(({ hostId }) => !hosts.has(hostId));
    return serving.length > 0 && staying.length === 0 ? [say("warning.no-instance-meanwhile", { service })] : [];
  });
}
