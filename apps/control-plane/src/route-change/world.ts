import type { HostId, Name, RevisionId, ServiceId, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import type { SetTrafficRule, TrafficPolicy, UserKey } from "@evenkeel/contracts/traffic-rule";
import type { Cell } from "@evenkeel/contracts/workspace";
import type { ClusterMembers } from "../base-cluster/index.ts";
import type { UpstreamState } from "../route/index.ts";

/** A service that a change is about. */
export interface RoutedService {
  readonly id: ServiceId;
  readonly name: string;
  readonly application: string;
  readonly revisionId: RevisionId | null;
  /** Every version that was uploaded or stands somewhere. */
  readonly versions: ReadonlySet<string>;
  readonly upstreams: readonly UpstreamState[];
  readonly policy: TrafficPolicy | null;
  /** Of the last minute. */
  readonly requests: number;
}

export interface KnownRule {
  readonly definition: SetTrafficRule;
  readonly version: number;
}

/** What the planner of a route-change may know. */
export interface RouteWorld {
  readonly tenantId: TenantId;
  readonly workspace: { readonly id: WorkspaceId; readonly name: string };
  readonly services: readonly RoutedService[];
  /** Every rule of the workspace. */
  readonly rules: readonly KnownRule[];
  readonly cells: readonly Cell[];
  readonly hosts: readonly { readonly id: HostId; readonly name: Name; readonly cell: string | null }[];
  readonly baseClusters: readonly ClusterMembers[];
  readonly gateways: readonly { readonly name: string; readonly driver: string | null }[];
  readonly userKey: readonly UserKey[];
}
