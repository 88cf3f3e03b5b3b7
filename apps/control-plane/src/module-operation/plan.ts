import type { Placement } from "@evenkeel/contracts/base-cluster";
import type { LockRequest } from "@evenkeel/contracts/change-plan";
import { isRefusal, type Refusal, refuse } from "@evenkeel/contracts/error";
import type { Business, SplitRule } from "@evenkeel/contracts/module";
import type { ModuleOperationSpec } from "@evenkeel/contracts/module-operation";
import { say } from "@evenkeel/contracts/phrase";
import type { Draft } from "../change/index.ts";
import {
  type BaseAim,
  baseLocks,
  basesIn,
  clusterNamed,
  draftOf,
  moduleLock,
  type PlacementWorld,
  settleStep,
  splitLock,
  splitStep,
} from "../placement/plan/index.ts";
import { alterModule } from "./alter.ts";
import { moveBases } from "./move.ts";
import { idleShares, splitDifferences } from "./preview.ts";
import { scaleModule } from "./scale.ts";
import type { ClusterPlacements, Wanted } from "./wanted.ts";

/** What the plan keeps for its rollback. */
export interface ModuleOperationPayload {
  readonly workspace: string;
  readonly operation: ModuleOperationSpec["operation"];
  readonly before: readonly {
    readonly cluster: string;
    readonly placements: readonly Placement[];
    readonly rules?: readonly SplitRule[];
    readonly businesses?: readonly Business[];
  }[];
}

/** Spec + world → the plan of an operation, or why there is none. */
export function planModuleOperation(spec: ModuleOperationSpec, world: PlacementWorld): Draft | Refusal {
  const wanted = wantedOf(spec, world);
  if (isRefusal(wanted)) return wanted;
  const { title, group, aims, before, after, warnings } = wanted;
  const { workspace, operation, strategy } = spec;
  const payload: ModuleOperationPayload = {
    ...{ workspace, operation },
    before: before.map(({ cluster, ...rest }) => ({ cluster: cluster.name, ...rest })),
  };
  const closing = settleStep(
    after.map(({ cluster, placements, rules = null, businesses = null }) => ({
      clusterId: cluster.id,
      ...{ placements, rules, businesses },
    })),
  );
  return draftOf(world, {
    ...{ title, group, aims, strategy, closing, warnings, payload },
    ...(wanted.differences && { differences: wanted.differences }),
    isBack: spec.operation === "restore",
    more: (base) => (spec.operation === "split" ? [splitStep(base, givenBy(spec))] : []),
  });
}

export function locksOfModuleOperation(spec: ModuleOperationSpec, world: PlacementWorld): LockRequest[] {
  const wanted = wantedOf(spec, world);
  return isRefusal(wanted) ? [] : locksOf(world, wanted);
}

function locksOf(world: PlacementWorld, { aims, modules, moving, split }: Wanted): LockRequest[] {
  const bases = aims.map(({ base }) => base);
  const staying = bases.filter((base) => !moving.includes(base));
  const all = [
    ...modules.map(({ cluster, module, shared }) =>
      moduleLock(cluster, module, shared === true ? "shared" : "exclusive"),
    ),
    ...(split === undefined ? [] : [splitLock(split)]),
    ...baseLocks(world, moving, "exclusive"),
    ...baseLocks(world, staying, "shared"),
  ];
  return [...new Map(all.map((lock) => [lock.resource, lock])).values()];
}

type Split = Extract<ModuleOperationSpec, { operation: "split" }>;

const givenBy = ({ rules, businesses }: Split) => ({ rules: rules ?? null, businesses: businesses ?? null });

function wantedOf(spec: ModuleOperationSpec, world: PlacementWorld): Wanted | Refusal {
  switch (spec.operation) {
    case "move":
      return moveBases(spec, world);
    case "scale":
      return scaleModule(spec, world);
    case "split":
      return splitBases(spec, world);
    case "restore":
      return restore(spec, world);
    default:
      return alterModule(spec, world);
  }
}

function splitBases(spec: Split, world: PlacementWorld): Wanted | Refusal {
  const cluster = clusterNamed(world, spec.cluster);
  if (isRefusal(cluster)) return cluster;
  const bases = basesIn(world, cluster);
  if (bases.length === 0)
    return refuse("BASES_NONE", { selector: "bases: all", where: `base-cluster ${cluster.name}` });
  const { rules, businesses } = spec;
  const modules = bases.flatMap(({ report }) => report?.modules ?? []);
  return {
    title: say("title.split", { cluster: cluster.name }),
    group: cluster.name,
    aims: bases.map((base): BaseAim => ({ base, wishes: new Map() })),
    ...{ modules: [], moving: [], split: cluster },
    warnings: idleShares(cluster.name, rules ?? [], modules),
    differences: splitDifferences(cluster, { rules, businesses }),
    before: [{ cluster, placements: [], rules: cluster.rules, businesses: cluster.businesses }],
    after: [{ cluster, placements: [], ...(rules && { rules }), ...(businesses && { businesses }) }],
  };
}

/** Each base as it was: its modules, and its cluster. */
function restore(
  spec: Extract<ModuleOperationSpec, { operation: "restore" }>,
  world: PlacementWorld,
): Wanted | Refusal {
  const aims: BaseAim[] = [];
  for (const { base: id, cluster: name, cameFrom, attached, modules } of spec.targets) {
    const base = world.bases.find((each) => each.id === id);
    const cluster = name === null ? null : clusterNamed(world, name);
    if (isRefusal(cluster)) return cluster;
    // A base that is gone meanwhile has nothing to be brought back.
    if (base === undefined) continue;
    const wishes = new Map(modules.map((each) => [each.name as string, each.versions] as const));
    const to = cluster?.id ?? null;
    aims.push({ base, wishes, back: attached, ...(base.clusterId !== to && { move: { to, cameFrom } }) });
  }
  const after: ClusterPlacements[] = [];
  for (const { cluster: name, placements } of spec.placements) {
    const cluster = clusterNamed(world, name);
    if (isRefusal(cluster)) return cluster;
    after.push({ cluster, placements });
  }
  const moving = aims.filter(({ move }) => move !== undefined).map(({ base }) => base);
  const modules = after.flatMap(({ cluster, placements }) => placements.map(({ module }) => ({ cluster, module })));
  return {
    title: say("title.as-before", { count: aims.length }),
    group: "bases",
    aims,
    modules,
    moving,
    before: [],
    after,
    warnings: [],
  };
}
