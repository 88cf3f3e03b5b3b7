import { MODULE_LATENCY_BOUNDS_MS } from "@evenkeel/contracts/base-protocol";
import { sql } from "kysely";
import { bucketOf } from "../../sample/index.ts";

const BUCKETS = Array.from(MODULE_LATENCY_BOUNDS_MS, (_, at) => `coalesce(sum(s.latency[${at + 1}]), 0)::int`);

/** The histograms of the samples `s` added up, bucket by bucket. */
export const LATENCY_COLUMN = sql.raw(`array[${BUCKETS.join(", ")}]`);

/** The upper bound of the bucket in which this share of the requests lies. */
export function quantile(counts: readonly number[], share: number): number | null {
  const bucket = bucketOf(counts, share);
  return bucket === null ? null : (MODULE_LATENCY_BOUNDS_MS[bucket] ?? null);
}
