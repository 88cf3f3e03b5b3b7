import { z } from "zod";
import { HostId, Name, RevisionId } from "./id.ts";
import { HostSelector } from "./service.ts";
import { Strategy } from "./strategy.ts";

/** The kind of change that restarts, starts or stops what was released. */
export const OPERATION_ORDER = "operation-order";

/** `restart`: a new instance of what runs in the place of each; `offline`: out of the routes and stopped; `online`: the service's revision runs again. */
export const Operation = z.enum(["restart", "online", "offline"]);
export type Operation = z.infer<typeof Operation>;

const common = {
  workspace: Name.default("local"),
  service: Name,
  operation: Operation,
  strategy: Strategy.prefault({}),
};

/** On which hosts: those that a selector means, wherever it applies without one, or the exact inverse of a change, target by target. */
export const OperationOrderSpec = z.union([
  z.strictObject({ ...common, hosts: HostSelector.optional() }),
  z.strictObject({
    ...common,
    /** `revisionId: null` = nothing ran there before. */
    targets: z.array(z.strictObject({ hostId: HostId, revisionId: RevisionId.nullable() })),
  }),
]);
export type OperationOrderSpec = z.infer<typeof OperationOrderSpec>;
