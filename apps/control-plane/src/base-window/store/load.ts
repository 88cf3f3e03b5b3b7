import type { BaseId, TenantId } from "@evenkeel/contracts/id";
import type { ScalingMetric } from "@evenkeel/contracts/scaling-rule";
import { type Kysely, type RawBuilder, sql } from "kysely";
import type { Database } from "../../database.ts";
import { LATENCY_COLUMN, quantile } from "./latency.ts";

export interface LoadQuery {
  readonly tenantId: TenantId;
  readonly baseIds: readonly BaseId[];
  readonly module: string;
  readonly metric: ScalingMetric;
  readonly stepSeconds: number;
  /** The last so many that are over. */
  readonly steps: number;
}

/** What the bases told in one step: how many of them, and the value of one in the mean; null where nothing was asked. */
export interface Load {
  readonly bases: number;
  readonly value: number | null;
}

const OF_BASE: Partial<Record<ScalingMetric, RawBuilder<unknown>>> = {
  "cpu-percent": sql`avg(s.cpu_percent)`,
  "heap-percent": sql`avg(s.heap_used_bytes * 100.0 / nullif(s.heap_limit_bytes, 0))::float8`,
  "loop-delay-ms": sql`avg(s.loop_delay_p99_ms)`,
};

/** All versions of the module on a base count together: first by window, then by step. */
const OF_MODULE: Partial<Record<ScalingMetric, RawBuilder<unknown>>> = {
  "module-cpu-percent": sql`avg(s.cpu_percent)`,
  "requests-per-second": sql`(sum(s.requests) * 1000 / sum(s.window_ms))::float8`,
  "in-flight": sql`avg(s.in_flight)::float8`,
  "error-percent": sql`(least(sum(s.errors), sum(s.requests)) * 100 / nullif(sum(s.requests), 0)::float8)`,
};

/** The newest whole steps, newest last; those in which no base told anything are missing. */
export async function readLoad(db: Kysely<Database>, query: LoadQuery): Promise<Load[]> {
  const { baseIds, metric, stepSeconds: step, steps, tenantId, module } = query;
  if (baseIds.length === 0) return [];
  const now = sql`floor(extract(epoch from clock_timestamp()) / ${step}) * ${step}`;
  const inTime = sql`s.tenant_id = ${tenantId} and s.base_id = any(${baseIds})
    and s.at >= to_timestamp(${now} - ${steps * step}) and s.at < to_timestamp(${now})`;
  const grouped = (from: RawBuilder<unknown>, value: RawBuilder<unknown>) =>
    sql<{ bases: number; value: number | null; latency?: number[] }>`
      select floor(extract(epoch from s.at) / ${step}) as step, count(distinct s.base_id)::int as bases, ${value}
      from ${from} group by 1 order by 1`;
  const ofBase = OF_BASE[metric];
  if (ofBase !== undefined) {
    const from = sql`base_sample s where ${inTime}`;
    return (await grouped(from, sql`${ofBase} as value`).execute(db)).rows;
  }
  const ofModule = OF_MODULE[metric];
  const here = sql`module_sample s where ${inTime} and s.module = ${module}`;
  if (ofModule !== undefined) {
    const windows = sql`(select s.base_id, s.at, max(s.window_ms) as window_ms, sum(s.requests) as requests, sum(s.errors) as errors,
      sum(s.in_flight) as in_flight, sum(s.cpu_percent) as cpu_percent from ${here} group by s.base_id, s.at) s`;
    return (await grouped(windows, sql`${ofModule} as value`).execute(db)).rows;
  }
  const { rows } = await grouped(here, sql`${LATENCY_COLUMN} as latency`).execute(db);
  return rows.map(({ bases, latency = [] }) => ({ bases, value: quantile(latency, 0.99) }));
}
