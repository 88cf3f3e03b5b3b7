import { isRefusal, type Refusal, refuse } from "@evenkeel/contracts/error";
import type { BaseId, Name } from "@evenkeel/contracts/id";
import type { ModuleOperationSpec } from "@evenkeel/contracts/module-operation";
import { say } from "@evenkeel/contracts/phrase";
import type { BaseRow, ClusterRow } from "../base-cluster/index.ts";
import {
  answers,
  type BaseAim,
  basesIn,
  byLoad,
  clusterNamed,
  type PlacementWorld,
  placementOf,
} from "../placement/plan/index.ts";
import { modulesForAll } from "./move.ts";
import type { Wanted } from "./wanted.ts";

type ScaleSpec = Extract<ModuleOperationSpec, { operation: "scale" }>;

/** So many bases of the cluster hold the module. */
export function scaleModule(spec: ScaleSpec, world: PlacementWorld): Wanted | Refusal {
  const { module, bases: wanted } = spec;
  const cluster = clusterNamed(world, spec.cluster);
  if (isRefusal(cluster)) return cluster;
  const placement = placementOf(world, cluster, module);
  if (placement === null)
    return refuse("BASES_NONE", { selector: `the module ${module}`, where: `base-cluster ${cluster.name}` });
  const { bases } = placement;
  const holders = basesIn(world, cluster).filter(({ id }) => bases === "all" || bases.includes(id));
  const buffer = bufferOf(spec, world);
  if (isRefusal(buffer)) return buffer;
  const chosen =
    wanted >= holders.length
      ? more({ spec, cluster, holders, buffer }, world)
      : fewer({ spec, cluster, holders, buffer });
  if (isRefusal(chosen)) return chosen;
  const { added, lent, leaving } = chosen;
  const kept = [...holders.filter((base) => !leaving.includes(base)), ...added, ...lent].map(({ id }) => id);
  const gone = leaving.filter((base) => isLent(base, buffer));
  const isAll = bases === "all" && leaving.length === gone.length;
  const after = { module: module as Name, versions: placement.versions, bases: isAll ? ("all" as const) : kept };
  const onLent = new Map([...modulesForAll(world, cluster), [module as string, placement.versions]]);
  const aims: BaseAim[] = [
    ...added.map((base) => ({ base, wishes: new Map([[module as string, placement.versions]]) })),
    ...lent.map((base) => ({ base, wishes: onLent, move: { to: cluster.id, cameFrom: buffer?.id ?? null } })),
    ...leaving.map((base) =>
      gone.includes(base)
        ? { base, wishes: new Map(), move: { to: buffer?.id ?? null, cameFrom: null } }
        : { base, wishes: new Map([[module as string, []]]), aside: true },
    ),
  ];
  return {
    ...{
      title: say("title.scale-module", { module, count: wanted, cluster: cluster.name }),
      group: cluster.name,
      aims,
      warnings: [],
    },
    modules: [{ cluster, module }],
    moving: [...lent, ...leaving],
    before: [{ cluster, placements: [placement] }],
    after: [{ cluster, placements: [after] }],
  };
}

interface Scaling {
  readonly spec: ScaleSpec;
  readonly cluster: ClusterRow;
  readonly holders: readonly BaseRow[];
  readonly buffer: ClusterRow | null;
}

interface Chosen {
  readonly added: readonly BaseRow[];
  readonly lent: readonly BaseRow[];
  readonly leaving: readonly BaseRow[];
}

/** The least loaded of the cluster first, then warm ones of the buffer. */
function more({ spec, cluster, holders, buffer }: Scaling, world: PlacementWorld): Chosen | Refusal {
  const needed = spec.bases - holders.length;
  const others = basesIn(world, cluster).filter((base) => !holders.includes(base) && answers(base));
  const added = others.sort(byLoad).slice(0, needed);
  const warm = buffer === null ? [] : basesIn(world, buffer).filter(answers).sort(byLoad);
  const lent = warm.slice(0, needed - added.length);
  if (added.length + lent.length === needed) return { added, lent, leaving: [] };
  const found = holders.length + others.length + warm.length;
  const here = { cluster: cluster.name };
  const where = buffer === null ? cluster.name : say("place.and-buffer", { ...here, buffer: buffer.name });
  return refuse("BASES_NONE", { selector: say("value.bases", { count: spec.bases, total: found }), where });
}

/** Those that were lent go first, then the most loaded. */
function fewer({ spec, holders, buffer }: Scaling): Chosen {
  const ordered = [...holders].sort(
    (one, other) => Number(isLent(other, buffer)) - Number(isLent(one, buffer)) || byLoad(other, one),
  );
  return { added: [], lent: [], leaving: ordered.slice(0, holders.length - spec.bases) };
}

const isLent = ({ cameFrom }: BaseRow, buffer: ClusterRow | null): boolean => buffer !== null && cameFrom === buffer.id;

function bufferOf({ buffer: name }: ScaleSpec, world: PlacementWorld): ClusterRow | Refusal | null {
  if (name !== undefined) {
    const found = clusterNamed(world, name);
    return isRefusal(found) || found.buffer ? found : refuse("BASE_CLUSTER_NO_BUFFER", { cluster: name });
  }
  const buffers = world.clusters.filter(({ buffer }) => buffer);
  return buffers.length === 1 ? (buffers[0] ?? null) : null;
}

/** Bases that may change cluster when a module is scaled. */
export function mayMove(
  spec: ModuleOperationSpec,
  base: { readonly id: BaseId | string; readonly name: string },
): boolean {
  if (spec.operation === "move") return spec.bases.includes(base.name);
  if (spec.operation === "restore") return spec.targets.some(({ base: id }) => id === base.id);
  return spec.operation === "scale";
}
