import { LATENCY_BOUNDS_MS } from "@evenkeel/contracts/gateway-protocol";
import type { HostId, ServiceId } from "@evenkeel/contracts/id";
import { sql, type Transaction } from "kysely";
import type { Cell, Measured, MeasurePort, MeasureScope } from "../../change/index.ts";
import type { Database } from "../../database.ts";
import { readInstances } from "./instance.ts";

type Tx = Transaction<Database>;

/** What gateways counted and agents told, as guards ask for it. */
export const measurements: MeasurePort = {
  async measure(tx, scope) {
    const changed = scope.targets.flatMap(({ name, hostId, serviceId, changedAt }) =>
      changedAt === null ? [] : [{ name, hostId, serviceId, since: countedFrom(scope, changedAt) }],
    );
    const targets = changed.map(({ name }) => name);
    const nothing: Measured = { targets, changed: [], unchanged: [], before: [], instances: [] };
    if (changed.length === 0) return nothing;
    if (scope.of === "instances") return { ...nothing, instances: await readInstances(tx, scope) };
    return { ...nothing, ...(await readSides(tx, scope, changed)), before: await readBefore(tx, scope) };
  },
};

interface Changed {
  readonly hostId: HostId;
  readonly serviceId: ServiceId;
  readonly since: string;
}

/** A second is told of up to two seconds later: what a target did before it was changed must not count. */
function countedFrom({ batchStartedAt, warmUpSeconds }: MeasureScope, changedAt: string): string {
  const changedMs = Date.parse(changedAt);
  const batchMs = batchStartedAt === null ? changedMs : Date.parse(batchStartedAt);
  return new Date(Math.max(changedMs + warmUpSeconds * 1000, batchMs)).toISOString();
}

const servicesOf = ({ targets }: MeasureScope): ServiceId[] => [...new Set(targets.map(({ serviceId }) => serviceId))];

// Bucket by bucket: the aggregate of the minutes takes ten times as long, and the change's row is held meanwhile.
const BUCKETS = Array.from(
  { length: LATENCY_BOUNDS_MS.length + 1 },
  (_, at) => `coalesce(sum(s.latency[${at + 1}]), 0)::int`,
);
const COUNTED = sql.raw(`sum(s.requests - s.client_aborts)::int as requests,
  sum(s.status_5xx + s.connect_errors + s.cut)::int as failed, array[${BUCKETS.join(", ")}] as latency`);
/** `svc_…/host_…/a` */
const HOST = sql.raw("split_part(s.instance, '/', 2)");

/** A batch may take hours; what happens now is what counts. */
const LOOK_BACK_SECONDS = 600;

/** Both sides in the same seconds; of a target that is just being changed neither. */
async function readSides(tx: Tx, scope: MeasureScope, changed: readonly Changed[]) {
  const first = changed.map(({ since }) => since).sort()[0] ?? new Date(0).toISOString();
  const began = sql`greatest(${first}::timestamptz, clock_timestamp() - make_interval(secs => ${LOOK_BACK_SECONDS}))`;
  const touched = scope.targets.filter(({ untouched }) => !untouched).map(({ hostId }) => hostId);
  const { rows } = await sql<Cell & { readonly side: "changed" | "unchanged" }>`
    select 'changed' as side, ${COUNTED} from sample_second s
      join jsonb_to_recordset(${JSON.stringify(changed)}::jsonb) as one("serviceId" text, "hostId" text, since timestamptz)
        on s.service_id = one."serviceId" and ${HOST} = one."hostId" and s.at > one.since
      where s.at > ${began} and s.tenant_id = ${scope.tenantId}
      group by date_trunc('second', s.at)
    union all
    select 'unchanged', ${COUNTED} from sample_second s
      where s.service_id = any(${servicesOf(scope)}) and s.at > ${began} and s.tenant_id = ${scope.tenantId}
        and s.instance is not null and ${HOST} <> all(${touched})
      group by date_trunc('second', s.at)`.execute(tx);
  const of = (wanted: string) => rows.filter(({ side }) => side === wanted);
  return { changed: of("changed"), unchanged: of("unchanged") };
}

const BEFORE_SECONDS = 300;
/** For as long as the seconds of that time are certainly there. */
const SECONDS_REACH_S = 540;

/** The five minutes before the change, of the versions that stood there then. */
async function readBefore(tx: Tx, scope: MeasureScope): Promise<Cell[]> {
  if (scope.changeStartedAt === null) return [];
  const versions = [...new Set(scope.targets.flatMap(({ from }) => from ?? []))];
  const began = sql`${scope.changeStartedAt}::timestamptz`;
  const { rows: age } = await sql<{ recent: boolean }>`
    select clock_timestamp() - ${began} < make_interval(secs => ${SECONDS_REACH_S}) as recent`.execute(tx);
  const table = sql.table(age[0]?.recent === true ? "sample_second" : "sample_minute");
  const { rows } = await sql<Cell>`select ${COUNTED} from ${table} s
    where s.service_id = any(${servicesOf(scope)}) and s.tenant_id = ${scope.tenantId} and s.version = any(${versions})
      and s.at <= ${began} and s.at > ${began} - make_interval(secs => ${BEFORE_SECONDS}) and s.instance is not null
    group by date_trunc('second', s.at)`.execute(tx);
  return rows;
}
