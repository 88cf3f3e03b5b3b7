import { z } from "zod";
import { Moment } from "./id.ts";
import { say } from "./phrase.ts";

/** What a guard does when the changed targets are worse; too little to judge by always pauses. */
export const GuardAction = z.enum(["pause", "rollback"]);
export type GuardAction = z.infer<typeof GuardAction>;

/** With what changed targets are compared: those not changed yet, at the same time; the same service before the change began. */
export const Baseline = z.enum(["unchanged", "before"]);
export type Baseline = z.infer<typeof Baseline>;

const acts = { action: GuardAction.default("pause") };
const watches = {
  ...acts,
  /** The batch is watched for at least this long after its last target. */
  windowSeconds: z.number().min(1).max(3600).default(30),
  /** A target counts from this long after it was changed. */
  warmUpSeconds: z.number().min(2).max(600).default(2),
};
const comparesTraffic = {
  ...watches,
  /** With fewer on either side there is nothing to judge by. */
  minimumRequests: z.int().min(20).max(1_000_000).default(100),
  against: z.array(Baseline).min(1).max(2).default(["unchanged", "before"]),
};

export const ErrorRateGuard = z.strictObject({
  kind: z.literal("error-rate"),
  ...comparesTraffic,
  /** Percentage points; a smaller difference is nobody's concern, however certain. */
  increasePercent: z.number().min(0).max(100).default(1),
  /** More than this is worse, whatever the others do. */
  limitPercent: z.number().min(0).lt(100).optional(),
});
export type ErrorRateGuard = z.infer<typeof ErrorRateGuard>;

export const LatencyGuard = z.strictObject({
  kind: z.literal("latency"),
  ...comparesTraffic,
  quantile: z.enum(["p50", "p90", "p95", "p99"]).default("p99"),
  /** Worse is slower by this factor, and by `atLeastMs`. */
  factor: z.number().min(1).max(1000).default(1.5),
  atLeastMs: z.number().min(0).max(60_000).default(20),
  /** Slower than this is worse, whatever the others do. */
  limitMs: z.number().gt(0).max(30_000).optional(),
});
export type LatencyGuard = z.infer<typeof LatencyGuard>;

export const RestartsGuard = z.strictObject({
  kind: z.literal("restarts"),
  ...watches,
  /** Of one instance, since it was changed. */
  allowed: z.int().min(0).max(100).default(0),
});
export type RestartsGuard = z.infer<typeof RestartsGuard>;

export const MemoryGuard = z.strictObject({
  kind: z.literal("memory"),
  ...watches,
  /** Agents tell their memory every ten seconds. */
  windowSeconds: z.number().min(15).max(3600).default(60),
  against: comparesTraffic.against,
  /** Worse is more by this factor, and by `atLeastMb`. */
  factor: z.number().min(1).max(1000).default(1.5),
  atLeastMb: z.number().min(0).max(1_000_000).default(64),
});
export type MemoryGuard = z.infer<typeof MemoryGuard>;

export const HealthGuard = z.strictObject({ kind: z.literal("health"), ...watches });
export type HealthGuard = z.infer<typeof HealthGuard>;

export const HttpGuard = z.strictObject({
  kind: z.literal("http"),
  ...acts,
  url: z
    .url({ protocol: /^https?$/, error: "must be an http or https address" })
    .max(2000)
    .refine((url) => URL.parse(url)?.username === "", "must not hold a name or password: everybody may read it"),
  when: z.enum(["before", "after"]).default("after"),
  /** Of which batches: `{ nth: 2 }` = of the second. */
  at: z.union([z.enum(["each", "first", "last"]), z.strictObject({ nth: z.int().min(1) })]).default("each"),
  /** Without an answer by then there is none. */
  timeoutSeconds: z.number().min(1).max(86_400).default(300),
  /** How often a pending answer is asked for. */
  everySeconds: z.number().min(0.1).max(300).default(5),
});
export type HttpGuard = z.infer<typeof HttpGuard>;

/** Looks at what was changed, and pauses the change or rolls it back when it is worse. */
export const Guard = z.discriminatedUnion("kind", [
  ErrorRateGuard,
  LatencyGuard,
  RestartsGuard,
  MemoryGuard,
  HealthGuard,
  HttpGuard,
]);
export type Guard = z.infer<typeof Guard>;

/** The same guard as people call it. */
export function guardName(guard: Guard): string {
  if (guard.kind === "latency") return say("guard.latency", { quantile: guard.quantile });
  if (guard.kind === "http") return say("guard.http", { host: new URL(guard.url).host });
  return say(`guard.${guard.kind}`);
}

/** What a guard's answer is; null = it looks or waits for its answer, and has found nothing so far. */
export const GuardOutcome = z.enum(["pass", "worse", "no-data"]);
export type GuardOutcome = z.infer<typeof GuardOutcome>;

/** What a guard has found at one batch, with the numbers that it found it by. */
export const GuardVerdict = z.strictObject({
  /** Its place in the strategy's list, from 0. */
  guard: z.int(),
  name: z.string(),
  action: GuardAction,
  when: z.enum(["before", "after"]),
  outcome: GuardOutcome.nullable(),
  /** Its last word on this batch. */
  final: z.boolean(),
  /** How often it has looked. */
  looks: z.int(),
  text: z.string(),
  evidence: z.record(z.string(), z.unknown()),
  at: Moment,
  /** Who went on in spite of it. */
  overruledBy: z.string().nullable(),
});
export type GuardVerdict = z.infer<typeof GuardVerdict>;

/** What an external check answers; 202, or `pending`, is asked again at `statusUrl` (or the header `Location`). */
export const CheckAnswer = z.object({
  status: z.enum(["passed", "failed", "pending"]),
  reason: z.string().max(2000).optional(),
  statusUrl: z.string().max(2000).optional(),
});
export type CheckAnswer = z.infer<typeof CheckAnswer>;
