import { z } from "zod";
import { ChangeId, Digest, HostId, Name, RevisionId, Version } from "./id.ts";
import { HostSelector, ServiceDefinition } from "./service.ts";
import { Strategy } from "./strategy.ts";

const workspace = { workspace: Name.default("local") };
const what = { application: Name, service: Name.optional() };

/** Each zone (or cell) of a release is a group of its own: they run side by side, each with its batches and confirmations. */
export const Parallel = z.enum(["zone", "cell"]);
export type Parallel = z.infer<typeof Parallel>;

const how = { strategy: Strategy.prefault({}), parallel: Parallel.optional() };

/** A package, with the definition of the service as the manifest has it, or as it stands. */
const ofPackage = {
  ...what,
  package: z.strictObject({ version: Version, digest: Digest.optional() }),
  definition: ServiceDefinition.optional(),
  hosts: HostSelector.optional(),
  ...how,
};
/** An earlier revision as a whole. */
const ofRevision = { ...what, revisionId: RevisionId, hosts: HostSelector.optional(), ...how };
/** The exact inverse of a change, target by target; `revisionId: null` = nothing ran there before: the instance is taken away. */
const ofRestore = {
  ...what,
  restore: z.strictObject({
    ofChange: ChangeId,
    revisionId: RevisionId.nullable(),
    targets: z.array(z.strictObject({ hostId: HostId, revisionId: RevisionId.nullable() })),
  }),
  ...how,
};

/** Services of the same order that are released first. */
const after = { after: z.array(Name).max(100).default([]) };

/** What is done to one service. */
export const Release = z.union([
  z.strictObject({ ...ofPackage, ...after }),
  z.strictObject({ ...ofRevision, ...after }),
  z.strictObject({ ...ofRestore, ...after }),
]);
export type Release = z.infer<typeof Release>;

/** What is released: one service, or several in the order of their dependencies. */
export const ReleaseOrderSpec = z.union([
  z.strictObject({ ...workspace, ...ofPackage }),
  z.strictObject({ ...workspace, ...ofRevision }),
  z.strictObject({ ...workspace, ...ofRestore }),
  z.strictObject({
    ...workspace,
    releases: z.array(Release).min(1).max(100),
    /** Of a rollback: the service that this revision belongs to goes to it, the others to what ran before. */
    toRevision: RevisionId.optional(),
  }),
]);
export type ReleaseOrderSpec = z.infer<typeof ReleaseOrderSpec>;

/** The releases of an order, whether it names one service or several. */
export function releasesOf(spec: ReleaseOrderSpec): Release[] {
  if ("releases" in spec) return spec.releases;
  const { workspace: _, ...release } = spec;
  return [{ ...release, after: [] }];
}

/** The name under which a release stands in its order. */
export const serviceOf = ({ service, application }: Pick<Release, "service" | "application">): Name =>
  service ?? application;
