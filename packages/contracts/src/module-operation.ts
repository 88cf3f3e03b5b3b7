import { z } from "zod";
import { Placement } from "./base-cluster.ts";
import { BaseClusterId, Name } from "./id.ts";
import { Business, ModuleTags, ModuleVersion, SplitRule } from "./module.ts";
import { BaseSelector, BaseWish } from "./module-release.ts";
import { Strategy } from "./strategy.ts";

/** The kind of change that operates modules where they stand, and moves bases between clusters. */
export const MODULE_OPERATION = "module-operation";

const common = { workspace: Name.default("local"), strategy: Strategy.prefault({ batches: "all" }) };
const ofModule = {
  ...common,
  cluster: Name,
  module: Name,
  /** Default: the only one that stands there. */
  version: ModuleVersion.optional(),
  bases: BaseSelector.default("all"),
};

const split = {
  rules: z.array(SplitRule).max(500).optional(),
  businesses: z.array(Business).max(500).optional(),
};

/** What a person writes to split requests and calls: rules and businesses, each as a whole; what is left out stays. */
export const SplitFile = z
  .strictObject(split)
  .refine(({ rules, businesses }) => rules !== undefined || businesses !== undefined, "neither rules nor businesses");
export type SplitFile = z.infer<typeof SplitFile>;

export const ModuleOperationSpec = z.discriminatedUnion("operation", [
  z.strictObject({ operation: z.literal("activate"), ...ofModule }),
  z.strictObject({ operation: z.literal("deactivate"), ...ofModule }),
  z.strictObject({ operation: z.literal("uninstall"), ...ofModule }),
  z.strictObject({ operation: z.literal("publish"), ...ofModule, tags: ModuleTags.default({}) }),
  z.strictObject({ operation: z.literal("unpublish"), ...ofModule }),
  /** So many bases hold the module: more come from the least loaded of the cluster, then from a buffer; fewer give back to the buffer what it gave. */
  z.strictObject({
    operation: z.literal("scale"),
    ...common,
    cluster: Name,
    module: Name,
    bases: z.int().min(1).max(10_000),
    /** The buffer to take from and give back to; default: the only one of the workspace. */
    buffer: Name.optional(),
  }),
  /** Bases change cluster in the same process: out of the routes, drained, all modules uninstalled, assigned, the modules of the new cluster installed. */
  z.strictObject({
    operation: z.literal("move"),
    ...common,
    bases: z.array(z.string().max(130)).min(1).max(10_000),
    /** Null: into none. */
    to: Name.nullable(),
  }),
  /** Rules and businesses of a cluster, each as a whole; what is left out stays. */
  z.strictObject({
    operation: z.literal("split"),
    ...common,
    cluster: Name,
    ...split,
  }),
  /** Exactly this; what a rollback asks for. */
  z.strictObject({
    operation: z.literal("restore"),
    ...common,
    targets: z
      .array(
        BaseWish.extend({
          cluster: Name.nullable(),
          /** The buffer that had lent it. */
          cameFrom: BaseClusterId.nullable().default(null),
          /** It took requests: it gets them again, where it was left without. */
          attached: z.boolean().default(false),
        }),
      )
      .min(1)
      .max(10_000),
    placements: z.array(z.strictObject({ cluster: Name, placements: z.array(Placement).max(500) })).max(100),
  }),
]);
export type ModuleOperationSpec = z.infer<typeof ModuleOperationSpec>;
