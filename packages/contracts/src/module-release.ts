import { z } from "zod";
import { PlacedVersion, Placement } from "./base-cluster.ts";
import { BaseId, Name } from "./id.ts";
import { Business, ModuleTags, ModuleVersion } from "./module.ts";
import { Strategy } from "./strategy.ts";

/** The kind of change that brings versions of modules onto the bases of a cluster. */
export const MODULE_RELEASE = "module-release";

/** Bases of a cluster: all, so many (those that hold the module first, then the least loaded), or by name (`shop@local-1`). */
export const BaseSelector = z.union([
  z.literal("all"),
  z.int().min(1).max(10_000),
  z.array(z.string().max(130)).min(1).max(10_000),
]);
export type BaseSelector = z.infer<typeof BaseSelector>;

/** What is to stand of some modules on one base: of each of them these versions and no others. */
export const BaseWish = z.strictObject({
  base: BaseId,
  modules: z.array(z.strictObject({ name: Name, versions: z.array(PlacedVersion).max(20) })).max(500),
});
export type BaseWish = z.infer<typeof BaseWish>;

const place = { workspace: Name.default("local"), cluster: Name, strategy: Strategy.prefault({}) };

export const ModuleReleaseSpec = z.union([
  z
    .strictObject({
      ...place,
      /** Released as a group: each base gets all of them, providers before those that need them. */
      modules: z
        .array(z.strictObject({ name: Name, version: ModuleVersion }))
        .min(1)
        .max(50),
      /** Default: where they are placed already, else all. */
      bases: BaseSelector.optional(),
      /** Other versions stay and serve beside them. */
      keep: z.boolean().default(false),
      /** Null: published where they replace something published. */
      publish: z
        .strictObject({ tags: ModuleTags.default({}) })
        .nullable()
        .default(null),
      /** Businesses of the cluster in which these modules take part from now on, on all of its bases. */
      businesses: z.array(Name).max(100).default([]),
    })
    .refine(
      ({ modules }) => new Set(modules.map(({ name }) => name)).size === modules.length,
      "a module is named twice",
    ),
  /** Exactly this; what a rollback asks for. */
  z.strictObject({
    ...place,
    targets: z.array(BaseWish).min(1).max(10_000),
    placements: z.array(Placement).max(500),
    /** Null: they stay as they are. */
    businesses: z.array(Business).max(500).nullable().default(null),
  }),
]);
export type ModuleReleaseSpec = z.infer<typeof ModuleReleaseSpec>;
