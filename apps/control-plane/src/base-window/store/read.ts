import type { TenantId } from "@evenkeel/contracts/id";
import {
  type BaseReading,
  type BaseSample,
  type ModuleReading,
  type ModuleSample,
  READING_SECONDS,
} from "@evenkeel/contracts/module-statistics";
import { type Kysely, type RawBuilder, sql } from "kysely";
import type { Database } from "../../database.ts";
import { LATENCY_COLUMN, quantile } from "./latency.ts";

/** Which windows are asked for; what is left out is any. */
export interface WindowFilter {
  readonly tenantId: TenantId;
  readonly workspace?: string | undefined;
  readonly cluster?: string | undefined;
  readonly base?: string | undefined;
  readonly module?: string | undefined;
  readonly version?: string | undefined;
  readonly limit: number;
}

export interface StepFilter extends WindowFilter {
  readonly by: "version" | "base" | "cluster";
  readonly sinceSeconds: number;
  readonly stepSeconds: number;
}

const NAME = sql`service.name || '@' || host.name`;
/** A window `s`, and the names of what it belongs to. */
const NAMED = sql`join base on base.id = s.base_id join service on service.id = base.service_id
  join host on host.id = base.host_id join workspace on workspace.id = s.workspace_id
  left join base_cluster on base_cluster.id = s.cluster_id`;

function matching(filter: WindowFilter): RawBuilder<unknown> {
  const { tenantId, workspace, cluster, base, module, version } = filter;
  const conditions = [
    sql`s.tenant_id = ${tenantId}`,
    ...(workspace === undefined ? [] : [sql`workspace.name = ${workspace}`]),
    ...(cluster === undefined ? [] : [sql`base_cluster.name = ${cluster}`]),
    ...(base === undefined ? [] : [sql`${NAME} = ${base}`]),
    ...(module === undefined ? [] : [sql`s.module = ${module}`]),
    ...(version === undefined ? [] : [sql`s.version = ${version}`]),
  ];
  return sql.join(conditions, sql` and `);
}

const since = (seconds: number) => sql`s.at > clock_timestamp() - make_interval(secs => ${seconds})`;

/** Of several bases in one step: each was watched for its part of the step, and is taken to have gone on like that. */
const perSecond = (column: string) =>
  sql`(sum(${sql.ref(column)}) * 1000 * count(distinct s.base_id) / sum(s.window_ms))::float8`;
const MODULE_COLUMNS = sql`${perSecond("s.requests")} as "requestsPerSecond",
  (least(sum(s.errors), sum(s.requests)) * 100 / nullif(sum(s.requests), 0)::float8) as "errorPercent",
  ${LATENCY_COLUMN} as latency, avg(s.cpu_percent) as "cpuPercent", avg(s.heap_bytes)::float8 as "heapBytes",
  (avg(s.in_flight) * count(distinct s.base_id))::float8 as "inFlight", max(s.block_ms) as "blockMs",
  ${perSecond("s.throttled")} as "throttledPerSecond", sum(s.restarts)::int as restarts`;
const BASE_COLUMNS = sql`avg(s.cpu_percent) as "cpuPercent", avg(s.rss_bytes)::float8 as "rssBytes",
  avg(s.heap_used_bytes)::float8 as "heapUsedBytes", avg(s.heap_limit_bytes)::float8 as "heapLimitBytes",
  max(s.loop_delay_p99_ms) as "loopDelayP99Ms", max(s.loop_delay_max_ms) as "loopDelayMaxMs"`;

type WithLatency<Shown> = Omit<Shown, "p50Ms" | "p99Ms"> & { readonly latency: readonly number[] };

/** How each version of a module does on each base. */
export async function readModuleReadings(db: Kysely<Database>, filter: WindowFilter): Promise<ModuleReading[]> {
  const { rows } = await sql<WithLatency<ModuleReading>>`
    with newest as (
      select distinct on (s.base_id, s.module, s.version) s.* from module_sample s ${NAMED}
      where ${matching(filter)} and ${since(READING_SECONDS)} order by s.base_id, s.module, s.version, s.at desc
    )
    select s.at, s.window_ms as "windowMs", s.module, s.version, s.base_id as "baseId", ${NAME} as base,
      base_cluster.name as cluster, ${MODULE_COLUMNS}
    from newest s ${NAMED} group by 1, 2, 3, 4, 5, 6, 7 order by s.module, s.version, base limit ${filter.limit}`.execute(
    db,
  );
  return rows.map(withPercentiles);
}

/** How each base does. */
export async function readBaseReadings(db: Kysely<Database>, filter: WindowFilter): Promise<BaseReading[]> {
  const { rows } = await sql<BaseReading>`
    with newest as (
      select distinct on (s.base_id) s.* from base_sample s ${NAMED}
      where ${matching(filter)} and ${since(READING_SECONDS)} order by s.base_id, s.at desc
    )
    select s.at, s.window_ms as "windowMs", s.base_id as "baseId", ${NAME} as base, base_cluster.name as cluster, ${BASE_COLUMNS}
    from newest s ${NAMED} group by 1, 2, 3, 4, 5 order by base limit ${filter.limit}`.execute(db);
  return rows;
}

const stepOf = (seconds: number) => sql`to_timestamp(floor(extract(epoch from s.at) / ${seconds}) * ${seconds})`;

/** Modules step by step; the newest steps where there are too many. */
export async function readModuleSamples(db: Kysely<Database>, filter: StepFilter): Promise<ModuleSample[]> {
  const base = filter.by === "base" ? NAME : sql`null::text`;
  const { rows } = await sql<WithLatency<ModuleSample>>`
    select ${stepOf(filter.stepSeconds)} as at, s.module, s.version, ${base} as base,
      count(distinct s.base_id)::int as bases, ${MODULE_COLUMNS}
    from module_sample s ${NAMED} where ${matching(filter)} and ${since(filter.sinceSeconds)}
    group by 1, 2, 3, 4 order by 1 desc, 2, 3, 4 limit ${filter.limit}`.execute(db);
  return rows.reverse().map(withPercentiles);
}

/** Bases, or clusters, step by step. */
export async function readBaseSamples(db: Kysely<Database>, filter: StepFilter): Promise<BaseSample[]> {
  const base = filter.by === "base" ? NAME : sql`null::text`;
  const { rows } = await sql<BaseSample>`
    select ${stepOf(filter.stepSeconds)} as at, base_cluster.name as cluster, ${base} as base,
      count(distinct s.base_id)::int as bases, ${BASE_COLUMNS}
    from base_sample s ${NAMED} where ${matching(filter)} and ${since(filter.sinceSeconds)}
    group by 1, 2, 3 order by 1 desc, 2, 3 limit ${filter.limit}`.execute(db);
  return rows.reverse();
}

const withPercentiles = <Row extends { readonly latency: readonly number[] }>({ latency, ...row }: Row) => ({
  ...row,
  p50Ms: quantile(latency, 0.5),
  p99Ms: quantile(latency, 0.99),
});
