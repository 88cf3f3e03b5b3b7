import type { TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import type { InstanceRate } from "@evenkeel/contracts/topology";
import { type Kysely, sql } from "kysely";
import type { Database } from "../../database.ts";

/** Long enough to be calm, short enough to be now. */
const SECONDS = 5;

interface RateQuery {
  readonly tenantId: TenantId;
  readonly workspaceId: WorkspaceId;
}

/** What each instance of a workspace was asked per second, over the last full seconds that no gateway adds to any more. */
export async function readInstanceRates(
  db: Kysely<Database>,
  { tenantId, workspaceId }: RateQuery,
): Promise<InstanceRate[]> {
  // By service, because that is how samples are found.
  const { rows } = await sql<InstanceRate>`
    with until as (select date_trunc('second', clock_timestamp() - interval '700 milliseconds') as at)
    select service_id as "serviceId", instance, version,
      sum(requests)::float8 / ${SECONDS} as "requestsPerSecond",
      sum(status_5xx + connect_errors + unavailable + cut)::float8 / ${SECONDS} as "failedPerSecond"
    from sample_second, until
    where service_id in (select id from service where tenant_id = ${tenantId} and workspace_id = ${workspaceId})
      and sample_second.at >= until.at - make_interval(secs => ${SECONDS}) and sample_second.at < until.at
      and sample_second.at > clock_timestamp() - interval '10 seconds' and tenant_id = ${tenantId}
    group by service_id, instance, version having sum(requests) > 0
    order by 1, 2, 3`.execute(db);
  return rows;
}
