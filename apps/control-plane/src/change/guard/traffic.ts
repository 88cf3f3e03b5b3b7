import { LATENCY_BOUNDS_MS } from "@evenkeel/contracts/gateway-protocol";
import type { Baseline, ErrorRateGuard, LatencyGuard } from "@evenkeel/contracts/guard";
import { say } from "@evenkeel/contracts/phrase";
import type { Cell, Finding, Labels, Measured } from "./measured.ts";
import { binomial, type Count, effective, fisher, shareOf, sumOf } from "./significance.ts";

export interface Looking {
  readonly labels: Labels;
  /** How likely a false alarm may be at this look. */
  readonly alpha: number;
}

/** One comparison, with everything that it rests on. */
interface Comparison {
  readonly against: Baseline | "limit";
  readonly worse: boolean;
  readonly p: number;
  readonly changed: Count;
  readonly other: Count | null;
  /** Above which a request counts as slow. */
  readonly boundMs?: number;
  readonly otherMs?: number;
}

const QUANTILES = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 } as const;
/** Below this many in the tail a quantile is anybody's guess. */
const TAIL_REQUESTS = 5;

/** More requests of the changed targets fail, by a difference that matters and that chance does not explain. */
export function judgeErrors(guard: ErrorRateGuard, measured: Measured, looking: Looking): Finding {
  const failures = (cells: readonly Cell[]) => cells.map(({ requests, failed }) => ({ hits: failed, of: requests }));
  const changed = failures(measured.changed);
  const least = guard.increasePercent / 100;
  const baselines = usable(guard, measured, guard.minimumRequests);
  const alpha = looking.alpha / comparisonsOf(guard, guard.limitPercent);
  const comparisons: Comparison[] = baselines.map((against) => {
    const other = failures(measured[against]);
    const p = fisher(effective(changed), effective(other));
    const more = shareOf(sumOf(changed)) - shareOf(sumOf(other));
    const worse = more > 0 && more >= least && p <= alpha;
    return { against, worse, p, changed: sumOf(changed), other: sumOf(other) };
  });
  if (guard.limitPercent !== undefined) {
    const p = binomial(effective(changed), guard.limitPercent / 100);
    comparisons.push({ against: "limit", worse: p <= alpha, p, changed: sumOf(changed), other: null });
  }
  return conclude({ comparisons, measured, looking, needed: guard.minimumRequests, tell: tellErrors(guard) });
}

/** More requests of the changed targets are slower than the others' quantile than that quantile allows. */
export function judgeLatency(guard: LatencyGuard, measured: Measured, looking: Looking): Finding {
  const quantile = QUANTILES[guard.quantile];
  const needed = Math.max(guard.minimumRequests, Math.ceil(TAIL_REQUESTS / (1 - quantile)));
  const alpha = looking.alpha / comparisonsOf(guard, guard.limitMs);
  const comparisons = usable(guard, measured, needed).map((against): Comparison => {
    const otherMs = quantileOf(measured[against], quantile);
    const bucket = bucketAbove(Math.max(otherMs * guard.factor, otherMs + guard.atLeastMs));
    const changed = slower(measured.changed, bucket);
    const other = slower(measured[against], bucket);
    const p = fisher(effective(changed), effective(other));
    const worse = shareOf(sumOf(changed)) > 1 - quantile && p <= alpha;
    return { against, worse, p, changed: sumOf(changed), other: sumOf(other), boundMs: boundOf(bucket), otherMs };
  });
  if (guard.limitMs !== undefined) {
    const bucket = bucketAbove(guard.limitMs);
    const changed = slower(measured.changed, bucket);
    const p = binomial(effective(changed), 1 - quantile);
    const boundMs = boundOf(bucket);
    comparisons.push({ against: "limit", worse: p <= alpha, p, changed: sumOf(changed), other: null, boundMs });
  }
  const ms = quantileOf(measured.changed, quantile);
  return conclude({ comparisons, measured, looking, needed, tell: tellLatency(guard, ms) });
}

const comparisonsOf = ({ against }: { readonly against: readonly Baseline[] }, limit: number | undefined): number =>
  new Set(against).size + (limit === undefined ? 0 : 1);

const requestsOf = (cells: readonly Cell[]): number => cells.reduce((sum, { requests }) => sum + requests, 0);

function usable(
  { against }: { readonly against: readonly Baseline[] },
  measured: Measured,
  needed: number,
): Baseline[] {
  return [...new Set(against)].filter((baseline) => requestsOf(measured[baseline]) >= needed);
}

interface Concluding {
  readonly comparisons: readonly Comparison[];
  readonly measured: Measured;
  readonly looking: Looking;
  readonly needed: number;
  tell(comparisons: readonly Comparison[], labels: Labels): string;
}

function conclude({ comparisons, measured, looking, needed, tell }: Concluding): Finding {
  const { labels, alpha } = looking;
  const requests = requestsOf(measured.changed);
  const counts = {
    changed: requests,
    unchanged: requestsOf(measured.unchanged),
    before: requestsOf(measured.before),
    needed,
    alpha,
  };
  if (requests < needed) {
    const text = say("verdict.few-requests", { side: labels.changed, requests, needed });
    return { outcome: "no-data", text, evidence: counts };
  }
  if (comparisons.length === 0) {
    const { unchanged, before } = counts;
    const text = say("verdict.none-to-compare", { unchanged, before, needed });
    return { outcome: "no-data", text, evidence: counts };
  }
  const worse = comparisons.filter((comparison) => comparison.worse);
  return {
    outcome: worse.length > 0 ? "worse" : "pass",
    text: tell(worse.length > 0 ? worse.slice(0, 1) : comparisons, labels),
    evidence: { ...counts, comparisons },
  };
}

const tellErrors =
  ({ limitPercent }: ErrorRateGuard): Concluding["tell"] =>
  (comparisons, labels) => {
    const [first] = comparisons;
    const { hits, of } = first?.changed ?? { hits: 0, of: 0 };
    const others = comparisons.map(({ against, other }) =>
      against === "limit" || other === null
        ? say("verdict.limit-percent", { percent: limitPercent ?? 0 })
        : say("verdict.of", { side: labels[against], hits: other.hits, total: other.of }),
    );
    const counted = { side: labels.changed, hits, total: of, others: `${others.join(", ")}${chance(comparisons)}` };
    return hits === 0
      ? say("verdict.none-failed", counted)
      : say("verdict.failed", { ...counted, share: percent(hits / of) });
  };

const tellLatency =
  ({ quantile, limitMs }: LatencyGuard, ms: number): Concluding["tell"] =>
  (comparisons, labels) => {
    const others = comparisons.map(({ against, otherMs }) =>
      against === "limit"
        ? say("verdict.limit-ms", { ms: limitMs ?? 0 })
        : say("verdict.ms", { side: labels[against], ms: milliseconds(otherMs ?? 0) }),
    );
    const worse = comparisons.find((comparison) => comparison.worse);
    return say("verdict.latency", {
      ...{ side: labels.changed, quantile, ms: milliseconds(ms) },
      others: `${others.join(", ")}${worse === undefined ? "" : `; ${slownessOf(worse)}`}${chance(comparisons)}`,
    });
  };

function slownessOf({ changed, other, boundMs = 0 }: Comparison): string {
  const slower = say("verdict.slower", { share: percent(shareOf(changed)), ms: boundMs });
  return other === null ? slower : `${slower}, ${say("verdict.of-others", { share: percent(shareOf(other)) })}`;
}

/** Of something that is not worse nobody asks how sure that is. */
function chance(comparisons: readonly Comparison[]): string {
  const worse = comparisons.find((comparison) => comparison.worse);
  if (worse === undefined) return "";
  return worse.p < 0.001 ? "; p < 0.001" : `; p = ${worse.p.toFixed(3)}`;
}

const percent = (share: number): string => String(Number((share * 100).toPrecision(2)));
const milliseconds = (ms: number): string => (ms < 10 ? ms.toFixed(1) : String(Math.round(ms)));

// ── histograms ────────────────────────────────────────────────────────────────

const LAST = LATENCY_BOUNDS_MS.length - 1;
const boundOf = (bucket: number): number => LATENCY_BOUNDS_MS[bucket] ?? Number.POSITIVE_INFINITY;

/** The first bucket whose upper bound is not below. */
function bucketAbove(ms: number): number {
  const bucket = LATENCY_BOUNDS_MS.findIndex((bound) => bound >= ms);
  return bucket === -1 ? LAST : bucket;
}

/** How many answers of each stretch lie above the bucket. */
function slower(cells: readonly Cell[], bucket: number): Count[] {
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  return cells.map(({ latency }) => ({ hits: sum(latency.slice(bucket + 1)), of: sum(latency) }));
}

/** Where the quantile lies, as evenly as a bucket can tell. */
export function quantileOf(cells: readonly Cell[], quantile: number): number {
  const counts = Array.from({ length: LATENCY_BOUNDS_MS.length + 1 }, (_, bucket) =>
    cells.reduce((sum, { latency }) => sum + (latency[bucket] ?? 0), 0),
  );
  const rank = counts.reduce((sum, count) => sum + count, 0) * quantile;
  let below = 0;
  for (const [bucket, count] of counts.entries()) {
    if (count > 0 && below + count >= rank) {
      const from = bucket === 0 ? 0 : boundOf(bucket - 1);
      const to = bucket > LAST ? from : boundOf(bucket);
      return from + ((to - from) * (rank - below)) / count;
    }
    below += count;
  }
  return 0;
}
