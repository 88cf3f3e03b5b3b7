import { z } from "zod";
import { Digest, Moment, Name } from "./id.ts";

/** The file in a module's folder that says what it is. */
export const MODULE_FILE = "module.yaml";
/** The largest bundle, in bytes, packed and unpacked. */
export const BUNDLE_LIMIT_BYTES = 64 * 1024 ** 2;
export const BUNDLE_UNPACKED_LIMIT_BYTES = 256 * 1024 ** 2;

const SEMANTIC = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-.]+)?(\+[0-9A-Za-z-.]+)?$/;

/** Version of a module: a semantic one, because others find it by range. */
export const ModuleVersion = z.string().max(50).regex(SEMANTIC, "a semantic version such as 1.4.0");
export type ModuleVersion = z.infer<typeof ModuleVersion>;

/** A range of semantic versions: `^1.2.0`, `>=2 <4`, `*`. */
export const VersionRange = z
  .string()
  .max(100)
  .regex(/^[0-9A-Za-z.^~<>=|*+\- ]+$/, "a range of semantic versions");
export type VersionRange = z.infer<typeof VersionRange>;

/** `gray: "10"`, `team: cart`: how publications are told apart. */
export const ModuleTags = z.record(Name, z.string().max(100)).refine((tags) => Object.keys(tags).length <= 20, {
  message: "at most 20 tags",
});
export type ModuleTags = z.infer<typeof ModuleTags>;

/** `inline`: in the base's own isolate, 4 ns a call. `worker`: a thread of its own, whose crash harms no other. */
export const Isolation = z.enum(["inline", "worker"]);
export type Isolation = z.infer<typeof Isolation>;

/** A snippet is one function behind an interface of the base; an application has routes of its own; components are chained by the process engine. */
export const ModuleForm = z.enum(["snippet", "application", "component"]);
export type ModuleForm = z.infer<typeof ModuleForm>;

/** Where a module stands on one base. */
export const ModuleState = z.enum(["resolved", "activating", "active", "draining", "uninstalled", "broken"]);
export type ModuleState = z.infer<typeof ModuleState>;

/** What is done with a module that is over a limit. */
export const LimitAction = z.enum(["alarm", "throttle", "eject", "restart-worker"]);
export type LimitAction = z.infer<typeof LimitAction>;

const limit = (most: number) =>
  z.strictObject({ most: z.number().min(0).max(most), action: LimitAction.default("alarm") });

/** Measured over windows of one second; a value must be over its limit in three windows, a blocked loop only once. */
export const ModuleLimits = z.strictObject({
  /** MB of live objects; of an inline module estimated from samples of its allocations. */
  heapMb: limit(65_536).optional(),
  /** Share of one processor, in percent. */
  cpuPercent: limit(1600).optional(),
  /** How long it may hold the event loop at a stretch, in ms. */
  blockMs: limit(600_000).prefault({ most: 1000, action: "alarm" }),
  /** Share of its requests and calls that fail, in percent, of at least 20. */
  errorPercent: limit(100).optional(),
  /** 99th percentile of its requests and calls, in ms. */
  latencyMs: limit(600_000).optional(),
});
export type ModuleLimits = z.infer<typeof ModuleLimits>;

/** A service that a module calls: found by name, version and tags among those of base and modules. */
export const ServiceNeed = z.strictObject({
  version: VersionRange.default("*"),
  tags: ModuleTags.default({}),
  /** An optional one may be absent at installation; a call without a provider is refused. */
  optional: z.boolean().default(false),
});
export type ServiceNeed = z.infer<typeof ServiceNeed>;

/** A path prefix that the module answers once it is published. */
export const ModuleRoute = z.strictObject({ path: z.string().startsWith("/").max(500) });
export type ModuleRoute = z.infer<typeof ModuleRoute>;

/** A component for the process engine, for all businesses or for those that are named. */
export const ProvidedComponent = z.strictObject({
  point: Name,
  businesses: z.array(Name).max(100).default([]),
});
export type ProvidedComponent = z.infer<typeof ProvidedComponent>;

/** A job that runs while the module is published, one run at a time. */
export const ProvidedJob = z.strictObject({ name: Name, everySeconds: z.number().min(1).max(86_400) });

const names = z.array(Name).max(100).default([]);

export const ModuleNeeds = z.strictObject({
  /** Libraries that the base shares: left out of the bundle, the base's copy is used if its version fits. */
  libraries: z.record(z.string().max(200), VersionRange).default({}),
  services: z.record(Name, ServiceNeed).default({}),
});
export const ModuleProvides = z.strictObject({
  services: names,
  routes: z.array(ModuleRoute).max(100).default([]),
  events: names,
  jobs: z.array(ProvidedJob).max(100).default([]),
  components: z.array(ProvidedComponent).max(100).default([]),
  /** The interface of the base that a snippet stands behind. */
  snippet: Name.optional(),
});
export type ModuleProvides = z.infer<typeof ModuleProvides>;

/** What `module.yaml` says, with all that it leaves out filled in. */
export const ModuleManifest = z.strictObject({
  name: Name,
  version: ModuleVersion,
  /** The file that exports `activate` (of a snippet: the function); only the build reads it. */
  entry: z.string().max(500).default("index.js"),
  form: ModuleForm.default("application"),
  isolation: Isolation.default("inline"),
  needs: ModuleNeeds.prefault({}),
  provides: ModuleProvides.prefault({}),
  limits: ModuleLimits.prefault({}),
  tags: ModuleTags.default({}),
  /** How long its `activate` may take, and its requests and calls in flight when it leaves. */
  activateSeconds: z.number().min(0.1).max(600).default(30),
  drainSeconds: z.number().min(0).max(3600).default(30),
  /** How often its own `health` is asked, if it has one. */
  health: z.strictObject({ intervalSeconds: z.number().min(0.2).max(300).default(5) }).prefault({}),
});
export type ModuleManifest = z.infer<typeof ModuleManifest>;

/** Who provides a service comes before those that need it; else in the order in which they stand, and in a circle too. */
export function providersFirst<Item>(
  items: readonly Item[],
  manifestOf: (item: Item) => Pick<ModuleManifest, "needs" | "provides"> | null,
): Item[] {
  const ordered = new Set<Item>();
  const visited = new Set<Item>();
  const visit = (item: Item): void => {
    if (visited.has(item)) return;
    visited.add(item);
    for (const service of Object.keys(manifestOf(item)?.needs.services ?? {})) {
      const needed = items.find((each) => manifestOf(each)?.provides.services.includes(service as Name));
      if (needed !== undefined) visit(needed);
    }
    ordered.add(item);
  };
  for (const item of items) visit(item);
  return [...ordered];
}

/** What a bundle says of itself beside the manifest; the byte cache counts only where all of it agrees. */
export const BundleFacts = z.strictObject({
  manifest: ModuleManifest,
  /** Of the code alone: the byte cache is keyed by it, because V8 compares no more than its length. */
  codeDigest: Digest,
  /** Written into the code by the build and read after it was loaded: the code that ran is the code of this bundle. */
  buildId: z.string().max(100).optional(),
  cache: z.strictObject({ node: z.string(), v8: z.string(), arch: z.string(), codeDigest: Digest }).nullable(),
  builtAt: Moment.optional(),
});
export type BundleFacts = z.infer<typeof BundleFacts>;

/** The libraries and services of a base, which a build compares with what a module needs. */
export const BaseDescription = z.strictObject({
  name: Name,
  version: ModuleVersion,
  node: z.string(),
  v8: z.string(),
  arch: z.string(),
  libraries: z.record(z.string(), z.string()),
  services: z.array(z.strictObject({ name: Name, version: ModuleVersion })),
  snippets: z.array(Name),
});
export type BaseDescription = z.infer<typeof BaseDescription>;

/** What a caller must look like, and the request must say, for a rule to count; all that is given must agree. */
export const SplitCondition = z.strictObject({
  /** Name of the calling module, or of who says so in the header `x-evenkeel-caller`. */
  caller: z.string().max(200).optional(),
  header: z.strictObject({ name: z.string().max(100), equals: z.string().max(1000) }).optional(),
  query: z.strictObject({ name: z.string().max(100), equals: z.string().max(1000) }).optional(),
  /** A segment of the path, from 0. */
  segment: z.strictObject({ index: z.int().min(0).max(100), equals: z.string().max(1000) }).optional(),
  /** Dotted path into a JSON body of at most 1 MB, or into the list of arguments of a call (`0.customer.tier`). */
  body: z
    .strictObject({ path: z.string().max(200), equals: z.union([z.string(), z.number(), z.boolean()]) })
    .optional(),
});
export type SplitCondition = z.infer<typeof SplitCondition>;

/** A share of what a rule catches, for publications of this version and with these tags. */
export const SplitTarget = z.strictObject({
  version: ModuleVersion.optional(),
  tags: ModuleTags.default({}),
  weight: z.number().min(0).max(1_000_000).default(1),
});
export type SplitTarget = z.infer<typeof SplitTarget>;

/** The first rule whose condition agrees decides; without one the newest published version serves. */
export const SplitRule = z.strictObject({
  /** `route /prices`, `service pricing`, `event order-paid` or `component discount`. */
  on: z.strictObject({
    kind: z.enum(["route", "service", "event", "component", "snippet"]),
    name: z.string().max(500),
  }),
  when: SplitCondition.default({}),
  to: z.array(SplitTarget).min(1).max(20),
  /** The same value of this (of the header, query parameter or path in the body that `stickyOn` names) always meets the same version; else each request is drawn anew. */
  stickyBy: z.enum(["caller", "header", "query", "body"]).optional(),
  stickyOn: z.string().max(200).default(""),
});
export type SplitRule = z.infer<typeof SplitRule>;

/** A business of the process engine: who it is for (everybody, where nothing is asked), and which modules take part in it (all that provide, where none is named). */
export const Business = z.strictObject({
  name: Name,
  when: z.record(z.string().max(100), z.union([z.string(), z.number(), z.boolean()])).default({}),
  modules: z.array(Name).max(100).default([]),
});
export type Business = z.infer<typeof Business>;
