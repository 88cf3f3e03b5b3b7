import type { PlacedVersion } from "@evenkeel/contracts/base-cluster";
import { type Refusal, refuse } from "@evenkeel/contracts/error";
import type { ModuleManifest, ServiceNeed } from "@evenkeel/contracts/module";
import { satisfies } from "semver";
import type { BaseRow } from "../../base-cluster/index.ts";
import type { Wishes } from "./steps.ts";
import { bundleOf, type PlacementWorld } from "./world.ts";

type Needing = Pick<ModuleManifest, "name" | "version" | "needs" | "provides">;

const nameOf = ({ name, version }: Needing): string => `${name}@${version}`;

/**
 * Why these modules could never come onto an empty base: of some that need each other each would have to be there first. A base on which earlier versions
 * stand might take them today; one that comes into the cluster could not.
 */
export function circleOf(world: PlacementWorld, base: BaseRow, wishes: Wishes): Refusal | null {
  let left = modulesOf(world, base, wishes);
  const there: Needing[] = [];
  for (let before = -1; before !== left.length; ) {
    before = left.length;
    const waits = left.filter((one) => blockersOf(one, { base, there, left }).length > 0);
    there.push(...left.filter((one) => !waits.includes(one)));
    left = waits;
  }
  const asked = left.filter(({ name, version }) => wishes.get(name)?.some((one) => one.version === version));
  const circle = asked.map((one) => wayBack(one, { base, there, left })).find((way) => way !== null) ?? null;
  return circle === null ? null : refuse("MODULES_CIRCLE", { circle: circle.map(nameOf).join(" → ") });
}

interface Around {
  readonly base: BaseRow;
  readonly there: readonly Needing[];
  readonly left: readonly Needing[];
}

/** Those that provide what it needs and are themselves not there yet; a need that nobody meets is another matter. */
function blockersOf({ needs }: Needing, { base, there, left }: Around): Needing[] {
  const ofBase = base.report?.description.services ?? [];
  return Object.entries(needs.services).flatMap(([service, need]) => {
    const fits = (one: Needing): boolean => meets(one, service, need);
    const met = there.some(fits) || ofBase.some(({ name, version }) => name === service && inRange(version, need));
    return need.optional || met ? [] : left.filter(fits);
  });
}

const inRange = (version: string, need: ServiceNeed): boolean =>
  satisfies(version, need.version, { includePrerelease: true });

const meets = ({ version, provides }: Needing, service: string, need: ServiceNeed): boolean =>
  provides.services.some((name) => name === service) && inRange(version, need);

/** From the first one to those that it waits for, until it comes again; null: nobody waits for it in turn. */
function wayBack(first: Needing, around: Around): Needing[] | null {
  const seen = new Set<Needing>();
  const follow = (way: readonly Needing[]): Needing[] | null => {
    for (const next of blockersOf(way.at(-1) ?? first, around)) {
      if (next === first) return [...way, next];
      if (seen.has(next)) continue;
      seen.add(next);
      const found = follow([...way, next]);
      if (found !== null) return found;
    }
    return null;
  };
  return follow([first]);
}

/** What is to stand on the base: what is wished, and of other modules what its cluster wants there. */
function modulesOf(world: PlacementWorld, base: BaseRow, wishes: Wishes): Needing[] {
  const cluster = world.clusters.find(({ id }) => id === base.clusterId);
  const placements = cluster === undefined ? [] : (world.placements.get(cluster.id) ?? []);
  const others = placements.filter(({ module, bases }) => {
    return !wishes.has(module) && (bases === "all" || bases.includes(base.id));
  });
  const all: (readonly [string, readonly PlacedVersion[]])[] = [
    ...wishes,
    ...others.map(({ module, versions }) => [module, versions] as const),
  ];
  return all.flatMap(([name, versions]) =>
    versions.flatMap(({ version, active }) => (active ? (bundleOf(world, name, version)?.manifest ?? []) : [])),
  );
}
