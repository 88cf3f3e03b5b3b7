import type { PlacedVersion, Placement } from "@evenkeel/contracts/base-cluster";
import { canonicalJson } from "@evenkeel/contracts/canonical";
import type { LockRequest } from "@evenkeel/contracts/change-plan";
import { isRefusal, type Refusal, refuse } from "@evenkeel/contracts/error";
import type { Name } from "@evenkeel/contracts/id";
import type { Business } from "@evenkeel/contracts/module";
import type { BaseWish, ModuleReleaseSpec } from "@evenkeel/contracts/module-release";
import { say } from "@evenkeel/contracts/phrase";
import type { BaseRow, ClusterRow } from "../base-cluster/index.ts";
import type { Draft } from "../change/index.ts";
import {
  asPlaced,
  type BaseAim,
  baseLocks,
  basesIn,
  bundleOf,
  chooseBases,
  circleOf,
  clusterNamed,
  draftOf,
  misfitOf,
  moduleLock,
  type PlacementWorld,
  placedAlso,
  placementOf,
  placementsBefore,
  settleStep,
  splitLock,
  splitStep,
  standing,
} from "../placement/plan/index.ts";

/** What the plan keeps for its rollback. */
export interface ModuleReleasePayload {
  readonly workspace: string;
  readonly cluster: string;
  readonly before: readonly Placement[];
  /** Those of before, where it alters them. */
  readonly businesses?: readonly Business[] | null;
}

type Asked = Extract<ModuleReleaseSpec, { modules: unknown }>;

interface Wanted {
  readonly title: string;
  readonly cluster: ClusterRow;
  readonly modules: readonly string[];
  readonly aims: readonly BaseAim[];
  readonly placements: readonly Placement[];
  /** All of the cluster from now on; null: they stay. */
  readonly businesses: readonly Business[] | null;
}

/** Spec + world → the plan by which modules come onto bases, or why there is none. */
export function planModuleRelease(spec: ModuleReleaseSpec, world: PlacementWorld): Draft | Refusal {
  const wanted = wantedOf(spec, world);
  if (isRefusal(wanted)) return wanted;
  const { title, cluster, modules, aims, placements, businesses } = wanted;
  const payload: ModuleReleasePayload = {
    ...{ workspace: spec.workspace, cluster: cluster.name },
    before: placementsBefore(world, cluster, modules),
    ...(businesses && { businesses: cluster.businesses }),
  };
  return draftOf(world, {
    ...{ title, group: cluster.name, aims, strategy: spec.strategy, payload, warnings: [] },
    closing: settleStep([{ clusterId: cluster.id, placements, rules: null, businesses }]),
    isBack: !("modules" in spec),
    more: (base) => (businesses === null ? [] : [splitStep(base, { rules: null, businesses })]),
  });
}

export function locksOfModuleRelease(spec: ModuleReleaseSpec, world: PlacementWorld): LockRequest[] {
  const wanted = wantedOf(spec, world);
  return isRefusal(wanted) ? [] : locksOf(world, wanted);
}

function locksOf(world: PlacementWorld, { cluster, modules, aims, businesses }: Wanted): LockRequest[] {
  const bases = aims.map(({ base }) => base);
  return [
    ...modules.map((module) => moduleLock(cluster, module, "exclusive")),
    ...(businesses === null ? [] : [splitLock(cluster)]),
    ...baseLocks(world, bases, "shared"),
  ];
}

function wantedOf(spec: ModuleReleaseSpec, world: PlacementWorld): Wanted | Refusal {
  const cluster = clusterNamed(world, spec.cluster);
  if (isRefusal(cluster)) return cluster;
  return "modules" in spec ? asked(spec, world, cluster) : exact(spec, world, cluster);
}

function asked(spec: Asked, world: PlacementWorld, cluster: ClusterRow): Wanted | Refusal {
  const bundles = spec.modules.flatMap(({ name, version }) => bundleOf(world, name, version) ?? []);
  const unknown = spec.modules.find(({ name, version }) => bundleOf(world, name, version) === null);
  if (unknown !== undefined) return refuse("NOT_FOUND", { resource: `module ${unknown.name}@${unknown.version}` });
  if (cluster.buffer) return refuse("BASE_CLUSTER_IS_BUFFER", { cluster: cluster.name });
  const names = spec.modules.map(({ name }) => name);
  const bases = basesOf(spec, world, cluster);
  if (isRefusal(bases)) return bases;
  const misfit = firstOf(bases.flatMap((base) => bundles.map(({ manifest }) => misfitOf(base, manifest))));
  if (misfit !== null) return misfit;
  const businesses = joined(cluster, names, spec.businesses);
  if (isRefusal(businesses)) return businesses;
  const aims = bases.map((base): BaseAim => {
    const wishes = spec.modules.map(({ name, version }) => [name, wishOf(spec, base, { name, version })] as const);
    return { base, wishes: new Map(wishes) };
  });
  const circle = firstOf(aims.map(({ base, wishes }) => circleOf(world, base, wishes)));
  if (circle !== null) return circle;
  const isAll = spec.bases === "all" || spec.bases === undefined;
  const placements = names.map((module) => {
    const [first] = aims;
    const versions = first?.wishes.get(module) ?? [];
    const kept = placementOf(world, cluster, module)?.bases;
    const also = isAll && (spec.bases === "all" || kept === undefined) ? "all" : bases;
    return placedAlso(world, { cluster, module, bases: also }, versions);
  });
  // Who takes part in a business is said to all bases of the cluster, whether they hold the modules or not.
  const others = businesses === null ? [] : basesIn(world, cluster).filter((base) => !bases.includes(base));
  const title = `${spec.modules.map(({ name, version }) => `${name} ${version}`).join(", ")} → ${cluster.name}`;
  const all = [...aims, ...others.map((base): BaseAim => ({ base, wishes: new Map() }))];
  return { title, cluster, modules: names, aims: all, placements, businesses };
}

const firstOf = (refusals: readonly (Refusal | null)[]): Refusal | null =>
  refusals.find((refusal) => refusal !== null) ?? null;

/** The businesses of a cluster, with these modules in those that are named; null: they are so already. */
function joined(
  { name: cluster, businesses }: ClusterRow,
  modules: readonly Name[],
  wanted: readonly string[],
): readonly Business[] | null | Refusal {
  const unknown = wanted.find((name) => !businesses.some((business) => business.name === name));
  if (unknown !== undefined) return refuse("NOT_FOUND", { resource: `business ${unknown} in base-cluster ${cluster}` });
  const after = businesses.map((business) => {
    // Where none is named all take part.
    if (!wanted.includes(business.name) || business.modules.length === 0) return business;
    return { ...business, modules: [...new Set([...business.modules, ...modules])] };
  });
  return canonicalJson(after) === canonicalJson(businesses) ? null : after;
}

/** Where they stand already, unless something is said. */
function basesOf({ bases, modules }: Asked, world: PlacementWorld, cluster: ClusterRow): BaseRow[] | Refusal {
  const holds = (base: BaseRow): boolean => modules.some(({ name }) => standing(base, name).length > 0);
  const chosen = chooseBases(world, { cluster, selector: bases ?? "all" }, holds);
  if (isRefusal(chosen) || bases !== undefined) return chosen;
  const placed = modules.map(({ name }) => placementOf(world, cluster, name)?.bases ?? "all");
  return chosen.filter(({ id }) => placed.some((each) => each === "all" || each.includes(id)));
}

/** It takes the publication over from what it replaces; kept ones stay as they are. */
function wishOf(
  { keep, publish }: Asked,
  base: BaseRow,
  one: { readonly name: string; readonly version: string },
): PlacedVersion[] {
  const there = asPlaced(standing(base, one.name));
  const same = there.find(({ version }) => version === one.version);
  const served = there.findLast(({ published }) => published !== null)?.published ?? null;
  const published = publish ?? (keep ? (same?.published ?? null) : served);
  const wish: PlacedVersion = { version: one.version, active: true, published };
  if (!keep) return [wish];
  const others = there.filter(({ version }) => version !== one.version);
  return base.report?.kind === "arklet" ? oneServing(others, wish) : [...others, wish];
}

/** A foreign base lets one version of a module serve, and what serves answers: the others stand by. */
function oneServing(others: readonly PlacedVersion[], wish: PlacedVersion): PlacedVersion[] {
  const standingBy = (one: PlacedVersion): PlacedVersion => ({ ...one, active: false, published: null });
  if (wish.published !== null) return [...others.map(standingBy), wish];
  return others.some(({ active }) => active) ? [...others, standingBy(wish)] : [...others, wish];
}

function exact(
  { targets, placements, businesses }: Exclude<ModuleReleaseSpec, Asked>,
  world: PlacementWorld,
  cluster: ClusterRow,
): Wanted | Refusal {
  const aims = aimsOf(world, targets);
  const names = [...new Set(targets.flatMap(({ modules }) => modules.map(({ name }) => name)))];
  return {
    title: say("title.modules-back", { modules: names, cluster: cluster.name }),
    cluster,
    modules: names,
    aims,
    placements,
    businesses,
  };
}

/** A base that is gone meanwhile has nothing to be brought back. */
export function aimsOf(world: PlacementWorld, targets: readonly BaseWish[]): BaseAim[] {
  return targets.flatMap(({ base: id, modules }) => {
    const base = world.bases.find((each) => each.id === id);
    const wishes = new Map(modules.map(({ name, versions }) => [name as string, versions] as const));
    return base === undefined ? [] : [{ base, wishes }];
  });
}
