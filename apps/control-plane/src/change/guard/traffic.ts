import { LATENCY_BOUNDS_MS } from "@evenkeel/contracts/gateway-protocol";
import type { Baseline, ErrorRateGuard, LatencyGuard } from "@evenkeel/contracts/guard";
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
  return conclude({ comparisons, measured, looking, needed: guard.minimumRequests, say: sayErrors(guard) });
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
  return conclude({ comparisons, measured, looking, needed, say: sayLatency(guard, ms) });
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
  say(comparisons: readonly Comparison[], labels: Labels): string;
}

function conclude({ comparisons, measured, looking, needed, say }: Concluding): Finding {
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
    const text = `${labels.changed} had ${requests} requests, ${needed} are needed`;
    return { outcome: "no-data", text, evidence: counts };
  }
  if (comparisons.length === 0) {
    const { unchanged, before } = counts;
    const text = `nothing to compare with: unchanged hosts had ${unchanged} requests, before the change there were ${before}, ${needed} are needed`;
    return { outcome: "no-data", text, evidence: counts };
  }
  const worse = comparisons.filter((comparison) => comparison.worse);
  return {
    outcome: worse.length > 0 ? "worse" : "pass",
    text: say(worse.length > 0 ? worse.slice(0, 1) : comparisons, labels),
    evidence: { ...counts, comparisons },
  };
}

const sayErrors =
  ({ limitPercent }: ErrorRateGuard): Concluding["say"] =>
  (comparisons, labels) => {
    const [first] = comparisons;
    const { hits, of } = first?.changed ?? { hits: 0, of: 0 };
    const others = comparisons.map(({ against, other }) =>
      against === "limit" || other === null
        ? `the limit is ${limitPercent} %`
        : `${labels[against]}: ${other.hits} of ${other.of}`,
    );
    return `${labels.changed}: ${hits} of ${of} requests failed${hits > 0 ? ` (${percent(hits / of)})` : ""}, ${others.join(", ")}${chance(comparisons)}`;
  };

const sayLatency =
  ({ quantile, limitMs }: LatencyGuard, ms: number): Concluding["say"] =>
  (comparisons, labels) => {
    const others = comparisons.map(({ against, otherMs }) =>
      against === "limit" ? `the limit is ${limitMs} ms` : `${labels[against]}: ${milliseconds(otherMs ?? 0)}`,
    );
    const worse = comparisons.find((comparison) => comparison.worse);
    const slow =
      worse === undefined
        ? ""
        : `; ${percent(shareOf(worse.changed))} took longer than ${worse.boundMs} ms${worse.other === null ? "" : `, of the others ${percent(shareOf(worse.other))}`}`;
    return `${labels.changed}: ${quantile} ${milliseconds(ms)}, ${others.join(", ")}${slow}${chance(comparisons)}`;
  };

/** Of something that is not worse nobody asks how sure that is. */
function chance(comparisons: readonly Comparison[]): string {
  const worse = comparisons.find((comparison) => comparison.worse);
  if (worse === undefined) return "";
  return worse.p < 0.001 ? "; p < 0.001" : `; p = ${worse.p.toFixed(3)}`;
}

const percent = (share: number): string => `${Number((share * 100).toPrecision(2))} %`;
const milliseconds = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;

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
