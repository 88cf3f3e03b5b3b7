import { z } from "zod";
import { BlueGreen } from "./blue-green.ts";
import { ChangeId, Digest, HostId, Name, RevisionId, Version } from "./id.ts";
import { HostSelector, Parallel, ServiceDefinition } from "./service.ts";
import { Strategy } from "./strategy.ts";
import { Gray } from "./traffic-rule.ts";

const workspace = { workspace: Name.default("local") };
const what = { application: Name, service: Name.optional() };

const how = { strategy: Strategy.prefault({}), parallel: Parallel.optional(), gray: Gray.optional() };

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
    /** A person chose the revision: it need not be what ran there before. */
    chosen: z.literal(true).optional(),
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

/** Into the idle cell, then users are switched to it: one switch for all that is released. */
const intoIdle = { blueGreen: BlueGreen.optional() };
/** Of a rollback: what cells weighed before users were switched; they go back before anything else. */
const usersBack = {
  weights: z
    .array(z.strictObject({ cell: Name, weight: z.int().min(0).max(10_000) }))
    .max(100)
    .optional(),
};

/** What is released: one service, or several in the order of their dependencies. */
export const ReleaseOrderSpec = z.union([
  z.strictObject({ ...workspace, ...ofPackage, ...intoIdle }),
  z.strictObject({ ...workspace, ...ofRevision, ...intoIdle }),
  z.strictObject({ ...workspace, ...ofRestore, ...usersBack }),
  z.strictObject({
    ...workspace,
    releases: z.array(Release).min(1).max(100),
    ...intoIdle,
    ...usersBack,
    /** Of a rollback: the service that this revision belongs to goes to it, the others to what ran before. */
    toRevision: RevisionId.optional(),
  }),
]);
export type ReleaseOrderSpec = z.infer<typeof ReleaseOrderSpec>;

/** The releases of an order, whether it names one service or several. */
export function releasesOf(spec: ReleaseOrderSpec): Release[] {
  if ("releases" in spec) return spec.releases;
  if ("restore" in spec) {
    const { workspace: _, weights: _w, ...release } = spec;
    return [{ ...release, after: [] }];
  }
  const { workspace: _, blueGreen: _b, ...release } = spec;
  return [{ ...release, after: [] }];
}

/** How users are switched to another cell; null = they stay in theirs. */
export const blueGreenOf = (spec: ReleaseOrderSpec): BlueGreen | null =>
  "restore" in spec ? null : (spec.blueGreen ?? null);

/** What cells shall weigh again; null = what they do. */
export const weightsOf = (spec: ReleaseOrderSpec) => ("weights" in spec ? (spec.weights ?? null) : null);

/** The name under which a release stands in its order. */
export const serviceOf = ({ service, application }: Pick<Release, "service" | "application">): Name =>
  service ?? application;

/** One service in the file of an order: a folder with its manifest, or a version that was uploaded before. */
const OrderedRelease = z
  .strictObject({
    /** Packed, uploaded and released by its own evenkeel.yaml. */
    folder: z.string().min(1).optional(),
    application: Name.optional(),
    service: Name.optional(),
    version: Version.optional(),
    after: z.array(Name).max(100).default([]),
    parallel: Parallel.optional(),
    gray: Gray.optional(),
    hosts: HostSelector.optional(),
    strategy: Strategy.optional(),
  })
  .superRefine(({ folder, application, version }, context) => {
    const say = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
    if (folder === undefined && application === undefined)
      say("application", "is missing; or name the `folder` that it is packed from");
    if (folder === undefined && application !== undefined && version === undefined)
      say("version", "is missing; or name the `folder` that it is packed from");
    if (folder !== undefined && application !== undefined)
      say("application", "stands in the manifest of the folder already");
  });
export type OrderedRelease = z.infer<typeof OrderedRelease>;

/** The file of `evenkeel deploy --file`: several services in one order. */
export const OrderFile = z.strictObject({
  workspace: Name.default("local"),
  /** For each release that says none of its own. */
  strategy: Strategy.optional(),
  blueGreen: BlueGreen.optional(),
  releases: z.array(OrderedRelease).min(1).max(100),
});
export type OrderFile = z.infer<typeof OrderFile>;
