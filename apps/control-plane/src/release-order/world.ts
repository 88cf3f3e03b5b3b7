import type { CommandTemplate, FlowEntry } from "@evenkeel/contracts/command-template";
import type {
  ApplicationId,
  BuildpackId,
  Digest,
  PackageId,
  RevisionId,
  ServiceId,
  WorkspaceId,
} from "@evenkeel/contracts/id";
import type { Release } from "@evenkeel/contracts/release-order";
import type { RouteRule, ServiceDefinition } from "@evenkeel/contracts/service";
import type { SetTrafficRule } from "@evenkeel/contracts/traffic-rule";
import type { Cell } from "@evenkeel/contracts/workspace";
import type { TakenRoute } from "../route/index.ts";
import type { Serving } from "../route/plan/index.ts";
import type { StoredService } from "../service/index.ts";
import type { SlotWorld } from "../slot/plan/index.ts";

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

/** Everything that the planner may know of one release, read in one transaction. */
export interface World extends SlotWorld {
  readonly application: { readonly id: ApplicationId; readonly name: string } | null;
  /** Ids for what this release would make. */
  readonly fresh: { readonly serviceId: ServiceId; readonly revisionId: RevisionId };
  /** What is to be released, by version or digest; null = not uploaded. */
  readonly package: WorldPackage | null;
  readonly buildpack: WorldBuildpack | null;
  /** Of the buildpacks that the plan may compare: the digest of each script by its path. */
  readonly scripts: ReadonlyMap<Digest, Readonly<Record<string, Digest>>>;
  /** Named revisions whose bits are stored no more. */
  readonly gone: ReadonlySet<RevisionId>;
  readonly routes: readonly RouteRule[];
  readonly takenRoute: TakenRoute | null;
  /** What the flow names, by its reference. */
  readonly templates: ReadonlyMap<string, CommandTemplate>;
  /** Traffic rules of the service. */
  readonly rules: readonly SetTrafficRule[];
}

/** The definition that a release goes by: the manifest's, or the service's as it stands. */
export function definitionOf(spec: Release, service: StoredService | null): ServiceDefinition | null {
  if ("package" in spec && spec.definition !== undefined) return spec.definition;
  return service?.definition ?? null;
}

/** The templates beside the steps of a release; a way back has none. */
export function flowOf(spec: Release, service: StoredService | null): readonly FlowEntry[] {
  return "restore" in spec ? [] : (definitionOf(spec, service)?.flow ?? []);
}

/** The service that a release is about, or the one that it makes. */
export const serviceIdOf = (world: World): ServiceId => world.service?.id ?? world.fresh.serviceId;

/** One release of an order, in the world that it was read from. */
export interface Part {
  readonly release: Release;
  readonly world: World;
  /** The only one of its order: its hosts need no further name. */
  readonly alone: boolean;
}

/** The world of each release of an order, in the order of its spec. */
export interface OrderWorld {
  readonly workspaceId: WorkspaceId;
  readonly releases: readonly World[];
  /** Where users change cells: the cells, and everything that serves in them. */
  readonly cells?: readonly Cell[];
  readonly serving?: readonly Serving[];
}
