import type { Placement } from "@evenkeel/contracts/base-cluster";
import type { Difference } from "@evenkeel/contracts/change-plan";
import type { Business, SplitRule } from "@evenkeel/contracts/module";
import type { BaseRow, ClusterRow } from "../base-cluster/index.ts";
import type { BaseAim } from "../placement/plan/index.ts";

/** What modules stand in a cluster. */
export interface ClusterPlacements {
  readonly cluster: ClusterRow;
  readonly placements: readonly Placement[];
  readonly rules?: readonly SplitRule[];
  readonly businesses?: readonly Business[];
}

/** What an operation comes to. */
export interface Wanted {
  readonly title: string;
  readonly group: string;
  readonly aims: readonly BaseAim[];
  /** Modules that are altered in a cluster. */
  readonly modules: readonly { readonly cluster: ClusterRow; readonly module: string; readonly shared?: boolean }[];
  /** Bases that change cluster. */
  readonly moving: readonly BaseRow[];
  readonly before: readonly ClusterPlacements[];
  readonly after: readonly ClusterPlacements[];
  readonly warnings: readonly string[];
  /** What becomes different beside the modules of the bases. */
  readonly differences?: readonly Difference[];
  /** Whose rules are altered. */
  readonly split?: ClusterRow;
}
