import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { BaseId, Moment, Name, ServiceId } from "./id.ts";
import { ModuleVersion } from "./module.ts";

const share = z.number().min(0);

/** What one version of a module did on one base between two looks of the agent. */
export const ModuleWindow = z.strictObject({
  name: Name,
  version: ModuleVersion,
  requests: z.int(),
  errors: z.int(),
  /** Refused because it is over a limit. */
  throttled: z.int(),
  /** Threads of it that were started again. */
  restarts: z.int(),
  /** At the end of the window. */
  inFlight: z.int(),
  /** Share of one processor, in percent. */
  cpuPercent: share,
  /** Null where it is not measured: of an inline module without a limit of its heap. */
  heapBytes: z.int().nullable(),
  /** Longest stretch that it has held the loop since it was activated, in ms. */
  blockMs: z.number(),
  /** Counts per bucket of MODULE_LATENCY_BOUNDS_MS; zeros at the end are left out. */
  latency: z.array(z.int()).max(64),
});
export type ModuleWindow = z.infer<typeof ModuleWindow>;

/** What the base in a slot used between two looks of its agent, and its modules. */
export const BaseWindow = z.strictObject({
  slot: ServiceId,
  windowMs: z.number().positive(),
  /** Share of one processor, in percent; threads of modules count too. */
  cpuPercent: share,
  rssBytes: z.int(),
  heapUsedBytes: z.int(),
  heapLimitBytes: z.int(),
  /** The worst of the last ten seconds, in ms. */
  loopDelayP99Ms: z.number(),
  loopDelayMaxMs: z.number(),
  modules: z.array(ModuleWindow).max(500),
});
export type BaseWindow = z.infer<typeof BaseWindow>;

const ofModule = {
  requestsPerSecond: z.number(),
  /** Null where nothing was asked of it. */
  errorPercent: z.number().nullable(),
  p50Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
  cpuPercent: z.number(),
  heapBytes: z.number().nullable(),
  inFlight: z.number(),
  blockMs: z.number(),
  throttledPerSecond: z.number(),
  restarts: z.int(),
};

const ofBase = {
  cpuPercent: z.number(),
  rssBytes: z.number(),
  heapUsedBytes: z.number(),
  heapLimitBytes: z.number(),
  loopDelayP99Ms: z.number(),
  loopDelayMaxMs: z.number(),
};

/** How one version of a module does on one base now: its newest window, if that is no older than READING_SECONDS. */
export const ModuleReading = z.strictObject({
  at: Moment,
  windowMs: z.number(),
  module: Name,
  version: ModuleVersion,
  baseId: BaseId,
  /** `<service>@<host>` */
  base: z.string(),
  cluster: Name.nullable(),
  ...ofModule,
});
export type ModuleReading = z.infer<typeof ModuleReading>;

/** How one base does now. */
export const BaseReading = z.strictObject({
  at: Moment,
  windowMs: z.number(),
  baseId: BaseId,
  base: z.string(),
  cluster: Name.nullable(),
  ...ofBase,
});
export type BaseReading = z.infer<typeof BaseReading>;

/** One step of a module's chart. Requests and those in flight are those of all its bases together; processor and heap are the mean of a base, a stretch the longest. */
export const ModuleSample = z.strictObject({
  /** The step's beginning. */
  at: Moment,
  module: Name,
  version: ModuleVersion,
  /** Null unless asked for by base. */
  base: z.string().nullable(),
  /** How many bases have told of it. */
  bases: z.int(),
  ...ofModule,
});
export type ModuleSample = z.infer<typeof ModuleSample>;

/** One step of a base's chart, or of a cluster's: the mean of its bases, of the loop's delay the worst. */
export const BaseSample = z.strictObject({
  at: Moment,
  cluster: Name.nullable(),
  base: z.string().nullable(),
  bases: z.int(),
  ...ofBase,
});
export type BaseSample = z.infer<typeof BaseSample>;

/** A window that is older says nothing of now. */
export const READING_SECONDS = 30;
/** Windows are kept for so long. */
export const WINDOWS_KEPT_SECONDS = 7200;

const items = <Item extends z.ZodType>(item: Item) => z.strictObject({ items: z.array(item) });
const where = {
  workspace: Name.optional(),
  cluster: Name.optional(),
  /** `<service>@<host>` */
  base: z.string().max(130).optional(),
};
const which = { ...where, module: Name.optional(), version: ModuleVersion.optional() };
const number = (least: number, most: number, otherwise: number) =>
  z.coerce.number().int().min(least).max(most).default(otherwise);
const limit = number(1, 5000, 1000);
const span = {
  sinceSeconds: number(10, WINDOWS_KEPT_SECONDS, 3600),
  stepSeconds: number(10, 3600, 60),
  limit,
};

export const moduleStatisticsEndpoints = {
  /** How modules do now, by module, version and base; a base that does not answer is left out. */
  listModuleReadings: endpoint("GET", "/module-readings", {
    needs: "base-cluster:read",
    query: z.strictObject({ ...which, limit }),
    reply: items(ModuleReading),
  }),
  /** A chart of modules, oldest step first; steps in which nobody told anything are left out. */
  listModuleSamples: endpoint("GET", "/module-samples", {
    needs: "base-cluster:read",
    query: z.strictObject({ ...which, by: z.enum(["version", "base"]).default("version"), ...span }),
    reply: items(ModuleSample),
  }),
  listBaseReadings: endpoint("GET", "/base-readings", {
    needs: "base-cluster:read",
    query: z.strictObject({ ...where, limit }),
    reply: items(BaseReading),
  }),
  listBaseSamples: endpoint("GET", "/base-samples", {
    needs: "base-cluster:read",
    query: z.strictObject({ ...where, by: z.enum(["base", "cluster"]).default("base"), ...span }),
    reply: items(BaseSample),
  }),
};
