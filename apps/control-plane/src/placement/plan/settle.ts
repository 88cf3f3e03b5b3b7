import type { PlacedVersion, Placement } from "@evenkeel/contracts/base-cluster";
import type { PlannedStep } from "@evenkeel/contracts/change-plan";
import type { BaseClusterId, Name } from "@evenkeel/contracts/id";
import type { Business, SplitRule } from "@evenkeel/contracts/module";
import type { BaseRow, ClusterRow } from "../../base-cluster/index.ts";
import { type PlacementWorld, placementOf } from "./world.ts";

/** What a cluster holds once the change has succeeded. */
export interface SettledCluster {
  readonly clusterId: BaseClusterId;
  readonly placements: readonly Placement[];
  readonly rules: readonly SplitRule[] | null;
  readonly businesses: readonly Business[] | null;
}

const SETTLE_MS = 60_000;

/** The last step: what stands now is what the clusters want from now on. */
export function settleStep(clusters: readonly SettledCluster[]): PlannedStep[] {
  if (clusters.length === 0) return [];
  return [
    {
      ...{ name: "settle-placements", on: "control", type: "settle-placements", input: { clusters } },
      ...{ timeoutMs: SETTLE_MS, repeatable: true, retryFrom: null, traffic: null },
    },
  ];
}

/** What stood of these modules in the cluster before; a module that did not is a placement without versions. */
export function placementsBefore(world: PlacementWorld, cluster: ClusterRow, modules: readonly string[]): Placement[] {
  return modules.map(
    (module) => placementOf(world, cluster, module) ?? { module: module as Name, versions: [], bases: "all" },
  );
}

/** The module stands so on these bases too; on those where it stood before it is wanted so as well. */
export function placedAlso(
  world: PlacementWorld,
  {
    cluster,
    module,
    bases,
  }: { readonly cluster: ClusterRow; readonly module: string; readonly bases: readonly BaseRow[] | "all" },
  versions: readonly PlacedVersion[],
): Placement {
  const before = placementOf(world, cluster, module);
  const ids =
    bases === "all" || before?.bases === "all"
      ? "all"
      : [...new Set([...(before?.bases ?? []), ...bases.map(({ id }) => id)])];
  return { module: module as Name, versions: [...versions], bases: ids };
}
