import type { HostId, Name, RevisionId, ServiceId, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import type { SetTrafficRule, TrafficPolicy, UserKey } from "@evenkeel/contracts/traffic-rule";
import type { Cell } from "@evenkeel/contracts/workspace";
import type { ClusterMembers } from "../base-cluster/index.ts";
import type { UpstreamState } from "../route/index.ts";
import type { Serving } from "../route/plan/index.ts";

/** A service whose rules or policy a change alters. */
export interface RoutedService {
  readonly id: ServiceId;
  readonly name: string;
  readonly application: string;
  readonly revisionId: RevisionId | null;
  /** Every version that was uploaded or stands somewhere. */
  readonly versions: ReadonlySet<string>;
  readonly upstreams: readonly UpstreamState[];
  readonly policy: TrafficPolicy | null;
}

export interface KnownRule {
  readonly definition: SetTrafficRule;
  readonly version: number;
}

/** An instance that takes requests, and what its service runs. */
export interface ServingHere extends Serving {
  readonly application: Name;
  readonly revisionId: RevisionId | null;
}

/** A host as the planner sees it. */
export interface PlacedHost {
  readonly id: HostId;
  readonly name: Name;
  readonly cell: Name | null;
  readonly address: string;
  readonly version: number;
}

/** A service that is for the hosts of certain cells, wherever it stands now. */
export interface CellBound {
  readonly service: string;
  readonly cells: readonly Name[];
  readonly hostIds: readonly HostId[];
}

/** What the planner of a route-change may know. */
export interface RouteWorld {
  readonly tenantId: TenantId;
  readonly workspace: { readonly id: WorkspaceId; readonly name: string; readonly zones: readonly string[] };
  readonly services: readonly RoutedService[];
  /** Every rule of the workspace. */
  readonly rules: readonly KnownRule[];
  readonly cells: readonly Cell[];
  readonly hosts: readonly PlacedHost[];
  /** All that takes requests here; empty where no host moves and no cell is reshaped. */
  readonly serving: readonly ServingHere[];
  /** Empty where no host moves. */
  readonly cellBound: readonly CellBound[];
  /** Of the last minute, by services. */
  readonly requests: ReadonlyMap<ServiceId, number>;
  readonly baseClusters: readonly ClusterMembers[];
  readonly gateways: readonly { readonly name: string; readonly driver: string | null }[];
  readonly userKey: readonly UserKey[];
}
