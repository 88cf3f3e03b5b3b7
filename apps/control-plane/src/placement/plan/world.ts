import type { Placement } from "@evenkeel/contracts/base-cluster";
import { type Refusal, refuse } from "@evenkeel/contracts/error";
import type { BaseClusterId, Name, ServiceId, WorkspaceId } from "@evenkeel/contracts/id";
import type { ModuleBundle } from "@evenkeel/contracts/module-bundle";
import type { BaseWish } from "@evenkeel/contracts/module-release";
import { say } from "@evenkeel/contracts/phrase";
import type { BaseRow, ClusterRow } from "../../base-cluster/index.ts";
import type { UpstreamState } from "../../route/index.ts";

/** What planners may know of bases and modules, read in one transaction. */
export interface PlacementWorld {
  readonly workspace: { readonly id: WorkspaceId; readonly name: string };
  readonly clusters: readonly ClusterRow[];
  readonly placements: ReadonlyMap<BaseClusterId, readonly Placement[]>;
  readonly bases: readonly BaseRow[];
  /** Of the versions that are placed, stand on a base or are named. */
  readonly bundles: readonly ModuleBundle[];
  readonly upstreams: ReadonlyMap<ServiceId, readonly UpstreamState[]>;
}

export function clusterNamed(world: PlacementWorld, name: string): ClusterRow | Refusal {
  const found = world.clusters.find((cluster) => cluster.name === name);
  return (
    found ??
    refuse("NOT_FOUND", {
      resource: say("label.in-workspace", {
        label: say("label.base-cluster", { cluster: name }),
        workspace: world.workspace.name,
      }),
    })
  );
}

export const basesIn = ({ bases }: PlacementWorld, { id }: Pick<ClusterRow, "id">): BaseRow[] =>
  bases.filter(({ clusterId }) => clusterId === id);

export function placementOf(world: PlacementWorld, cluster: ClusterRow, module: string): Placement | null {
  return world.placements.get(cluster.id)?.find((placement) => placement.module === module) ?? null;
}

export function bundleOf({ bundles }: PlacementWorld, name: string, version: string): ModuleBundle | null {
  return bundles.find((bundle) => bundle.name === name && bundle.version === version) ?? null;
}

/** These versions of a module. */
export const keysOf = (name: Name, versions: readonly { readonly version: string }[]) =>
  versions.map(({ version }) => ({ name, version }));

/** All versions that are wished on any of these bases. */
export const keysIn = (wishes: readonly BaseWish[]) =>
  wishes.flatMap(({ modules }) => modules.flatMap(({ name, versions }) => keysOf(name, versions)));

/** Its process answers. */
export const answers = ({ online, report }: BaseRow): boolean => online && report !== null;
