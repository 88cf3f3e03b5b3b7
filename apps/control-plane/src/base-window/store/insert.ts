import type { HostId, TenantId } from "@evenkeel/contracts/id";
import type { BaseWindow } from "@evenkeel/contracts/module-statistics";
import { type Kysely, sql } from "kysely";
import type { Database } from "../../database.ts";

/** What an agent told of the base in a slot of its host. */
export interface ToldWindow {
  readonly hostId: HostId;
  readonly tenantId: TenantId;
  readonly window: BaseWindow;
}

/** Stores windows as of now by the database's clock, a base and its modules in the same moment. Of a base that is not known, or is another tenant's, nothing is stored. */
export async function insertWindows(db: Kysely<Database>, told: readonly ToldWindow[]): Promise<void> {
  const rows = told.map(({ hostId, tenantId, window }) => ({ hostId, tenantId, ...window }));
  await sql`
    with told as materialized (
      select told.*, base.id as base_id, base.cluster_id, service.workspace_id
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as told("hostId" text, "tenantId" text, slot text,
          "windowMs" float8, "cpuPercent" float8, "rssBytes" bigint, "heapUsedBytes" bigint, "heapLimitBytes" bigint,
          "loopDelayP99Ms" float8, "loopDelayMaxMs" float8, modules jsonb)
        join base on base.service_id = told.slot and base.host_id = told."hostId" and base.tenant_id = told."tenantId"
        join service on service.id = base.service_id
    ), of_bases as (
      insert into base_sample
      select statement_timestamp(), "tenantId", workspace_id, base_id, cluster_id, "windowMs", "cpuPercent",
        "rssBytes", "heapUsedBytes", "heapLimitBytes", "loopDelayP99Ms", "loopDelayMaxMs"
      from told
    )
    insert into module_sample
    select statement_timestamp(), told."tenantId", told.workspace_id, told.base_id, told.cluster_id, told."windowMs",
      one."cpuPercent", one.name, one.version, one.requests, one.errors, one.throttled, one.restarts, one."inFlight",
      one."heapBytes", one."blockMs", array(select count::int from jsonb_array_elements_text(one.latency) as count)
    from told, jsonb_to_recordset(told.modules) as one(name text, version text, requests int, errors int, throttled int,
      restarts int, "inFlight" int, "cpuPercent" float8, "heapBytes" bigint, "blockMs" float8, latency jsonb)`.execute(
    db,
  );
}
