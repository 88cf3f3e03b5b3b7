import type { Digest, PackageId, RevisionId } from "@evenkeel/contracts/id";
import type { Configuration, Revision } from "@evenkeel/contracts/service";
import type { SlotWorld } from "./world.ts";

/** The revision that a slot is to run, whether it is stored already or made by this change. */
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

/** The stored revision of this id; null = it is not known. */
export function findRevision(world: SlotWorld, id: RevisionId | string | null): PlannedRevision | null {
  const revision = [...world.revisions.values()].find((one) => one.id === id);
  return revision === undefined ? null : storedRevision(revision, world.sizes);
}

/** The addresses that lead to a revision, as people write them. */
export function routesIn(revision: PlannedRevision | null): string[] {
  return (revision?.configuration.routes ?? []).map(({ host, path }) => host + path);
}
