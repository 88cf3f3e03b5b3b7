import { WINDOWS_KEPT_SECONDS } from "@evenkeel/contracts/module-statistics";
import { inTransaction } from "@evenkeel/kit/sql";
import { type Kysely, sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";

interface Series {
  readonly table:
    | "sample_second"
    | "sample_minute"
    | "instance_sample"
    | "sample_host"
    | "base_sample"
    | "module_sample";
  /** Length of one partition, in seconds. */
  readonly partitionSeconds: number;
  readonly keepSeconds: number;
}

const SERIES: readonly Series[] = [
  { table: "sample_second", partitionSeconds: 300, keepSeconds: 900 },
  { table: "sample_minute", partitionSeconds: 86_400, keepSeconds: 7 * 86_400 },
  { table: "instance_sample", partitionSeconds: 86_400, keepSeconds: 7 * 86_400 },
  { table: "base_sample", partitionSeconds: 900, keepSeconds: WINDOWS_KEPT_SECONDS },
  { table: "module_sample", partitionSeconds: 900, keepSeconds: WINDOWS_KEPT_SECONDS },
  { table: "sample_host", partitionSeconds: 86_400, keepSeconds: 7 * 86_400 },
];

/** Makes the partitions for now and for what comes next, and drops those that nothing reads any more. One replica at a time. */
export async function keepPartitions(db: Kysely<Database>): Promise<void> {
  await inTransaction(db, async (tx) => {
    await sql`select pg_advisory_xact_lock(hashtext('sample partitions'))`.execute(tx);
    const { rows } = await sql<{ now: number }>`select extract(epoch from clock_timestamp())::bigint as now`.execute(
      tx,
    );
    for (const series of SERIES) await keepSeries(tx, series, rows[0]!.now);
  });
}

async function keepSeries(tx: Transaction<Database>, series: Series, nowSeconds: number): Promise<void> {
  const { table, partitionSeconds, keepSeconds } = series;
  const existing = await partitionsOf(tx, table);
  const current = nowSeconds - (nowSeconds % partitionSeconds);
  for (const start of [current, current + partitionSeconds]) {
    if (existing.has(start)) continue;
    const bound = (seconds: number) => sql.lit(new Date(seconds * 1000).toISOString());
    await sql`create table ${sql.table(`${table}_${start}`)} partition of ${sql.table(table)}
      for values from (${bound(start)}) to (${bound(start + partitionSeconds)})`.execute(tx);
  }
  for (const [start, name] of existing) {
    if (start + partitionSeconds + keepSeconds < nowSeconds) await sql`drop table ${sql.table(name)}`.execute(tx);
  }
}

/** Names of the partitions by their first second; the name carries it. */
async function partitionsOf(tx: Transaction<Database>, table: string): Promise<Map<number, string>> {
  const { rows } = await sql<{ name: string }>`
    select child.relname as name from pg_inherits join pg_class child on child.oid = inhrelid
    where inhparent = ${table}::regclass`.execute(tx);
  return new Map(rows.map(({ name }) => [Number(name.slice(table.length + 1)), name]));
}

/** Sums up full minutes that are not summed up yet. The row of progress is held, so each minute is counted once. */
export async function rollUp(db: Kysely<Database>): Promise<void> {
  await inTransaction(db, async (tx) => {
    const { rows } = await sql<{ since: string; until: string }>`
      select minutes_until as since, date_trunc('minute', clock_timestamp() - interval '5 seconds') as until
      from sample_progress where minutes_until < date_trunc('minute', clock_timestamp() - interval '5 seconds')
      for update skip locked`.execute(tx);
    const span = rows[0];
    if (span === undefined) return;
    await sql`insert into sample_minute
      select date_trunc('minute', at), tenant_id, workspace_id, gateway_id, service_id, instance, version, 60000,
        sum(requests), sum(status_2xx), sum(status_3xx), sum(status_4xx), sum(status_5xx), sum(connect_errors),
        sum(unavailable), sum(cut), sum(retries), sum(client_aborts), max(in_flight), max(long_lived), sum_histograms(latency),
        max(queued), max(connections)
      from sample_second where at >= ${span.since}::timestamptz and at < ${span.until}::timestamptz
      group by 1, 2, 3, 4, 5, 6, 7`.execute(tx);
    await sql`update sample_progress set minutes_until = ${span.until}::timestamptz`.execute(tx);
  });
}
