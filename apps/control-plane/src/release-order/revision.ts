import { type Refusal, refuse } from "@evenkeel/contracts/error";
import type { Digest, PackageId, RevisionId } from "@evenkeel/contracts/id";
import type { ReleaseOrderSpec } from "@evenkeel/contracts/release-order";
import type { Configuration, Revision } from "@evenkeel/contracts/service";
import { revisionDigest } from "../revision/index.ts";
import { definitionOf, type World } from "./world.ts";

/** The revision that a target is to run, whether it is stored already or made by this release. */
export interface PlannedRevision {
  readonly id: RevisionId;
  readonly digest: Digest;
  readonly stored: boolean;
  readonly packageId: PackageId | null;
  readonly packageVersion: string;
  readonly package: { readonly digest: Digest; readonly sizeBytes: number };
  readonly buildpack: {
    readonly name: string;
    readonly version: string;
    readonly digest: Digest;
    readonly sizeBytes: number;
  };
  readonly configuration: Configuration;
}

type PackageSpec = Extract<ReleaseOrderSpec, { package: unknown }>;

/** Package + buildpack + rendered configuration, pinned as one. A package that is not uploaded yet is planned by the digest that the client names. */
export function newRevision(spec: PackageSpec, world: World): PlannedRevision | Refusal {
  const definition = definitionOf(spec, world.service);
  if (definition === null) return refuse("SERVICE_NEVER_RELEASED", { service: spec.service ?? spec.application });
  if (world.buildpack === null) return refuse("BUILDPACK_NOT_FOUND", { buildpack: definition.buildpack });
  const { version, digest } = spec.package;
  if (world.package === null && digest === undefined)
    return refuse("PACKAGE_NOT_FOUND", { version, application: spec.application });
  if (world.package !== null && digest !== undefined && world.package.digest !== digest) {
    const taken = { version, application: spec.application, digest: world.package.digest };
    return refuse("PACKAGE_VERSION_TAKEN", taken);
  }
  const start = definition.start ?? world.buildpack.start;
  if (start === null) return refuse("START_MISSING");
  const configuration: Configuration = {
    start,
    port: definition.port,
    env: definition.env ?? world.service?.parameters.env ?? {},
    health: definition.health,
    routes: definition.routes,
    replace: definition.replace ?? (definition.port === "auto" ? "surge" : "in-place"),
    allowGap: definition.allowGap,
    drain: definition.drain,
    stopSeconds: definition.stopSeconds,
  };
  const packageDigest = world.package?.digest ?? (digest as Digest);
  const revision = revisionDigest({ packageDigest, buildpackDigest: world.buildpack.digest, configuration });
  const same = [...world.revisions.values()].find((stored) => stored.digest === revision);
  return {
    id: same?.id ?? world.fresh.revisionId,
    digest: revision,
    stored: same !== undefined,
    packageId: world.package?.id ?? null,
    packageVersion: version,
    package: { digest: packageDigest, sizeBytes: world.package?.sizeBytes ?? 0 },
    buildpack: world.buildpack,
    configuration,
  };
}

/** A stored revision, as a whole. */
export function storedRevision(revision: Revision, sizes: ReadonlyMap<Digest, number>): PlannedRevision {
  return {
    id: revision.id,
    digest: revision.digest,
    stored: true,
    packageId: revision.packageId,
    packageVersion: revision.packageVersion,
    package: { digest: revision.packageDigest, sizeBytes: sizes.get(revision.packageDigest) ?? 0 },
    buildpack: { ...revision.buildpack, sizeBytes: sizes.get(revision.buildpack.digest) ?? 0 },
    configuration: revision.configuration,
  };
}
