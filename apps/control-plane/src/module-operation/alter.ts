import type { PlacedVersion, Placement } from "@evenkeel/contracts/base-cluster";
import { isRefusal, type Refusal, refuse } from "@evenkeel/contracts/error";
import type { ModuleOperationSpec } from "@evenkeel/contracts/module-operation";
import { say } from "@evenkeel/contracts/phrase";
import type { BaseRow, ClusterRow } from "../base-cluster/index.ts";
import {
  asPlaced,
  type BaseAim,
  chooseBases,
  clusterNamed,
  type PlacementWorld,
  placementsBefore,
  standing,
} from "../placement/plan/index.ts";
import type { Wanted } from "./wanted.ts";

export type Alteration = Extract<
  ModuleOperationSpec,
  { operation: "activate" | "deactivate" | "uninstall" | "publish" | "unpublish" }
>;

/** A module on the bases where it stands, as the operation wants it. */
export function alterModule(spec: Alteration, world: PlacementWorld): Wanted | Refusal {
  const { module, operation } = spec;
  const cluster = clusterNamed(world, spec.cluster);
  if (isRefusal(cluster)) return cluster;
  const holders = holdersOf(spec, world, cluster);
  if (isRefusal(holders)) return holders;
  const version = versionOf(spec, holders);
  if (typeof version !== "string") return version;
  const alter = (versions: readonly PlacedVersion[]) => altered(spec, versions, version);
  const aims = holders.map((base): BaseAim => {
    const there = asPlaced(standing(base, module));
    const remains = standing(base, module).some((each) => each.version === version && each.state === "broken");
    return { base, wishes: new Map(remains || there.length > 0 ? [[module, alter(there)]] : []) };
  });
  const before = placementsBefore(world, cluster, [module]);
  return {
    title: say(`title.${operation}`, { module, version, cluster: cluster.name }),
    group: cluster.name,
    aims,
    ...{ modules: [{ cluster, module }], moving: [], warnings: [] },
    before: [{ cluster, placements: before }],
    after: [
      { cluster, placements: spec.bases === "all" ? before.map((placement) => placed(placement, alter)) : before },
    ],
  };
}

const placed = (placement: Placement, alter: (versions: readonly PlacedVersion[]) => PlacedVersion[]): Placement => ({
  ...placement,
  versions: alter(placement.versions),
});

function holdersOf({ bases, module }: Alteration, world: PlacementWorld, cluster: ClusterRow): BaseRow[] | Refusal {
  const holds = (base: BaseRow): boolean => standing(base, module).length > 0;
  const chosen = chooseBases(world, { cluster, selector: bases }, holds);
  if (isRefusal(chosen)) return chosen;
  const holders = chosen.filter(holds);
  const where = `base-cluster ${cluster.name}`;
  return holders.length > 0 ? holders : refuse("BASES_NONE", { selector: `the module ${module}`, where });
}

/** Without a word about it the only version that stands there. */
function versionOf({ module, version, cluster }: Alteration, holders: readonly BaseRow[]): string | Refusal {
  const versions = [...new Set(holders.flatMap((base) => standing(base, module).map((each) => each.version)))];
  if (version === undefined && versions.length > 1)
    return refuse("MODULE_VERSION_UNCLEAR", { module, versions: versions.join(", ") });
  const found = version ?? versions[0];
  if (found !== undefined && versions.includes(found)) return found;
  return refuse("BASES_NONE", { selector: `${module}@${found}`, where: `base-cluster ${cluster}` });
}

function altered(spec: Alteration, versions: readonly PlacedVersion[], version: string): PlacedVersion[] {
  const after = versions.flatMap((each) => (each.version === version ? alteredOne(spec, each) : [each]));
  // Without a rule the newest publication answers, and bases that get all of them publish them in this order.
  return spec.operation === "publish"
    ? after.toSorted((one, other) => isIt(one, version) - isIt(other, version))
    : after;
}

const isIt = (one: PlacedVersion, version: string): number => Number(one.version === version);

function alteredOne(spec: Alteration, one: PlacedVersion): PlacedVersion[] {
  switch (spec.operation) {
    case "uninstall":
      return [];
    case "activate":
      return [{ ...one, active: true }];
    case "deactivate":
      return [{ ...one, active: false, published: null }];
    case "publish":
      return [{ ...one, active: true, published: { tags: spec.tags } }];
    case "unpublish":
      return [{ ...one, published: null }];
  }
}
