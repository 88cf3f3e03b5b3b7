import { LATENCY_BOUNDS_MS, type VersionSample } from "@evenkeel/contracts/gateway-protocol";
import type { ServiceId, TenantId } from "@evenkeel/contracts/id";
import { type Kysely, sql } from "kysely";
import type { Database } from "../../database.ts";
import { bucketOf } from "../quantile.ts";

export interface SecondsQuery {
  readonly tenantId: TenantId;
  readonly serviceId: ServiceId;
  /** The last second that is known already; null = two minutes ago. */
  readonly after: string | null;
}

const BUCKETS = Array.from(
  { length: LATENCY_BOUNDS_MS.length + 1 },
  (_, at) => `coalesce(sum(latency[${at + 1}]), 0)::int`,
);

/** Seconds by version, oldest first; only those that no gateway adds to any more. */
export async function readVersionSeconds(
  db: Kysely<Database>,
  { tenantId, serviceId, after }: SecondsQuery,
): Promise<VersionSample[]> {
  const { rows } = await sql<{ at: string; version: string; requests: number; failed: number; latency: number[] }>`
    select date_trunc('second', at) as at, version, sum(requests)::int as requests,
      sum(status_5xx + connect_errors + unavailable + cut)::int as failed, array[${sql.raw(BUCKETS.join(", "))}] as latency
    from sample_second
    where tenant_id = ${tenantId} and service_id = ${serviceId}
      and at >= coalesce(${after}::timestamptz + interval '1 second', clock_timestamp() - interval '2 minutes')
      and at < date_trunc('second', clock_timestamp() - interval '700 milliseconds')
    group by 1, 2 order by 1, 2`.execute(db);
  return rows.map(({ latency, ...row }) => ({ ...row, p50Ms: quantile(latency, 0.5), p99Ms: quantile(latency, 0.99) }));
}

/** The upper bound of the bucket in which this share of the requests lies; the last bucket has none. */
function quantile(counts: readonly number[], share: number): number | null {
  const bucket = bucketOf(counts, share);
  return bucket === null ? null : (LATENCY_BOUNDS_MS[bucket] ?? LATENCY_BOUNDS_MS.at(-1) ?? null);
}

/** Says whether the tenant has this service. */
export async function hasService(db: Kysely<Database>, tenantId: TenantId, serviceId: ServiceId): Promise<boolean> {
  const found = await db
    .selectFrom("service")
    .select("id")
    .where("tenant_id", "=", tenantId)
    .where("id", "=", serviceId)
    .executeTakeFirst();
  return found !== undefined;
}
