import { z } from "zod";
import { ChangeId, Digest, HostId, Name, RevisionId, Version } from "./id.ts";
import { HostSelector, ServiceDefinition } from "./service.ts";
import { Strategy } from "./strategy.ts";

const where = { workspace: Name.default("local"), application: Name, service: Name.optional() };

/**
 * What is released, one of:
 * a package (with the definition of the service as the manifest has it, or as it stands),
 * an earlier revision as a whole, or the exact inverse of a change, target by target.
 */
export const ReleaseOrderSpec = z.union([
  z.strictObject({
    ...where,
    package: z.strictObject({ version: Version, digest: Digest.optional() }),
    definition: ServiceDefinition.optional(),
    hosts: HostSelector.optional(),
    strategy: Strategy.prefault({}),
  }),
  z.strictObject({ ...where, revisionId: RevisionId, hosts: HostSelector.optional(), strategy: Strategy.prefault({}) }),
  z.strictObject({
    ...where,
    /** `revisionId: null` = nothing ran there before: the instance is taken away. */
    restore: z.strictObject({
      ofChange: ChangeId,
      revisionId: RevisionId.nullable(),
      targets: z.array(z.strictObject({ hostId: HostId, revisionId: RevisionId.nullable() })),
    }),
    strategy: Strategy.prefault({}),
  }),
]);
export type ReleaseOrderSpec = z.infer<typeof ReleaseOrderSpec>;
