import type {
  ApplicationId,
  BuildpackId,
  Digest,
  HostId,
  PackageId,
  RevisionId,
  ServiceId,
  TenantId,
  WorkspaceId,
} from "@evenkeel/contracts/id";
import type { ReleaseOrderSpec } from "@evenkeel/contracts/release-order";
import type { Instance, Revision, RouteRule, ServiceDefinition } from "@evenkeel/contracts/service";
import type { TakenRoute, UpstreamState } from "../route/index.ts";
import type { StoredService } from "../service/index.ts";

export interface WorldHost {
  readonly id: HostId;
  readonly name: string;
  readonly zone: string;
  readonly cell: string | null;
  readonly address: string;
  readonly version: number;
  readonly online: boolean;
}

export interface WorldPackage {
  readonly id: PackageId;
  readonly version: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
}

export interface WorldBuildpack {
  readonly id: BuildpackId;
  readonly name: string;
  readonly version: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly start: string | null;
}

/** Everything that the planner of a release may know, read in one transaction. */
export interface World {
  readonly tenantId: TenantId;
  readonly workspace: { readonly id: WorkspaceId; readonly name: string; readonly zones: readonly string[] };
  readonly application: { readonly id: ApplicationId; readonly name: string } | null;
  readonly service: StoredService | null;
  /** Ids for what this release would make. */
  readonly fresh: { readonly serviceId: ServiceId; readonly revisionId: RevisionId };
  /** What is to be released, by version or digest; null = not uploaded. */
  readonly package: WorldPackage | null;
  readonly buildpack: WorldBuildpack | null;
  readonly hosts: readonly WorldHost[];
  readonly instances: readonly Instance[];
  readonly upstreams: readonly UpstreamState[];
  /** Revisions of this service that the plan may name. */
  readonly revisions: ReadonlyMap<RevisionId, Revision>;
  /** Sizes of what those revisions are made of, in bytes. */
  readonly sizes: ReadonlyMap<Digest, number>;
  readonly routes: readonly RouteRule[];
  readonly takenRoute: TakenRoute | null;
  readonly gateways: number;
}

/** The definition that a release goes by: the manifest's, or the service's as it stands. */
export function definitionOf(spec: ReleaseOrderSpec, service: StoredService | null): ServiceDefinition | null {
  if ("package" in spec && spec.definition !== undefined) return spec.definition;
  return service?.definition ?? null;
}
