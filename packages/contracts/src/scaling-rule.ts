import { z } from "zod";
import { endpoint, page, pageQuery } from "./endpoint.ts";
import { Problem } from "./error.ts";
import { ChangeId, Moment, Name } from "./id.ts";

/**
 * What a rule watches. Of the processes of the bases: `cpu-percent`, `heap-percent` (of the heap limit), `loop-delay-ms` (p99). Of the module there:
 * `module-cpu-percent`, `requests-per-second`, `in-flight`, `latency-ms` (p99), `error-percent`. Each is that of one base in the mean.
 */
export const ScalingMetric = z.enum([
  "cpu-percent",
  "heap-percent",
  "loop-delay-ms",
  "module-cpu-percent",
  "requests-per-second",
  "in-flight",
  "latency-ms",
  "error-percent",
]);
export type ScalingMetric = z.infer<typeof ScalingMetric>;

const threshold = z.number().min(0).max(1_000_000_000);
const bases = z.int().min(1).max(10_000);

/** How many bases hold a module, by what they measure. Between `below` and `above` nothing happens. */
export const SetScalingRule = z
  .strictObject({
    workspace: Name.default("local"),
    cluster: Name,
    module: Name,
    metric: ScalingMetric,
    /** More bases where it was above for the whole of `stabilisationSeconds`. */
    above: threshold,
    /** Fewer where it was below for as long. */
    below: threshold,
    minBases: bases,
    maxBases: bases,
    /** So many bases more or fewer at a time. */
    step: z.int().min(1).max(100).default(1),
    stabilisationSeconds: z.int().min(30).max(3600).default(60),
    /** After the end of a scaling nothing is done for so long. */
    cooldownSeconds: z.int().min(0).max(86_400).default(120),
    /** The buffer to take from and give back to; default: the only one of the workspace. */
    buffer: Name.optional(),
    /** False: it looks and says what it would do. */
    enabled: z.boolean().default(true),
  })
  .refine(({ above, below }) => below < above, { path: ["below"], message: "must lie under above" })
  .refine(({ minBases, maxBases }) => minBases <= maxBases, {
    path: ["maxBases"],
    message: "must not be under minBases",
  });
export type SetScalingRule = z.infer<typeof SetScalingRule>;

/**
 * `no-data`: too few bases told of it, so nothing is done. `steady`: nothing is to be done. `at-limit`: it would be, but for minBases or maxBases.
 * `cooling`: not so soon after the last time. `under-way`: its last change has not ended. `scale`: it has been started, or would be if the rule were enabled.
 * `refused`: the change could not be started.
 */
export const ScalingVerdictKind = z.enum(["no-data", "steady", "at-limit", "cooling", "under-way", "scale", "refused"]);
export type ScalingVerdictKind = z.infer<typeof ScalingVerdictKind>;

/** What a rule found at its last look. */
export const ScalingVerdict = z.strictObject({
  kind: ScalingVerdictKind,
  /** One sentence. */
  why: z.string(),
  /** Null: nobody told. */
  value: z.number().nullable(),
  bases: z.int(),
  /** How many there shall be. */
  wanted: z.int().nullable(),
  problem: Problem.nullable(),
});
export type ScalingVerdict = z.infer<typeof ScalingVerdict>;

export const ScalingRule = z.strictObject({
  name: Name,
  ...SetScalingRule.shape,
  version: z.int(),
  createdAt: Moment,
  /** Null: it has not been looked at yet. */
  verdict: ScalingVerdict.nullable(),
  lookedAt: Moment.nullable(),
  /** Its last change. */
  changeId: ChangeId.nullable(),
  /** When that was seen under way for the last time. */
  scaledAt: Moment.nullable(),
});
export type ScalingRule = z.infer<typeof ScalingRule>;

const byRule = z.strictObject({ rule: Name });

export const scalingRuleEndpoints = {
  listScalingRules: endpoint("GET", "/scaling-rules", {
    needs: "scaling-rule:read",
    query: pageQuery,
    reply: page(ScalingRule),
  }),
  getScalingRule: endpoint("GET", "/scaling-rules/{rule}", {
    needs: "scaling-rule:read",
    params: byRule,
    reply: ScalingRule,
  }),
  /** Makes it, or replaces the one of this name. It makes changes without being asked, so who sets it must hold `module-operation:create` too. */
  setScalingRule: endpoint("PUT", "/scaling-rules/{rule}", {
    needs: "scaling-rule:update",
    params: byRule,
    body: SetScalingRule,
    reply: ScalingRule,
  }),
  removeScalingRule: endpoint("DELETE", "/scaling-rules/{rule}", {
    needs: "scaling-rule:delete",
    params: byRule,
    status: 204,
  }),
};
