import type { SlotBase } from "@evenkeel/contracts/agent-protocol";
import type { BaseReport } from "@evenkeel/contracts/base-protocol";
import { BaseId, type HostId, newId, type ReplicaId, type TenantId, type WorkspaceId } from "@evenkeel/contracts/id";
import { inTransaction } from "@evenkeel/kit/sql";
import { type Kysely, sql } from "kysely";
import type { Database } from "../../database.ts";
import { raiseVersion } from "../../route/index.ts";

/** What an agent tells of the bases of its host. */
export interface BasesTold {
  readonly connection: { readonly hostId: HostId; readonly connectionEpoch: number; readonly replicaId: ReplicaId };
  readonly tenantId: TenantId;
  /** Those that are not named are gone. */
  readonly whole: boolean;
  readonly bases: readonly SlotBase[];
}

/**
 * Stores it; a base that is new is made known. Gateways are told where the paths of modules have come or gone: then what is told and the news of it are
 * one transaction, so that a kill leaves both or none. Else, which is nearly always, it is one statement.
 */
export async function recordBases(db: Kysely<Database>, told: BasesTold): Promise<void> {
  const found = await record(db, told, "unless-moved");
  if (found === null || !found.moved) return;
  const { tenantId } = told;
  const { workspaceId } = found;
  await inTransaction(db, async (tx) => {
    await record(tx, told, "all");
    await raiseVersion(tx, { tenantId, workspaceId });
  });
}

interface Found {
  readonly workspaceId: WorkspaceId;
  /** Paths of modules are told of that come or go. */
  readonly moved: boolean;
}

/** Where modules of a base answer, each path once. */
function pathsOf(report: BaseReport | null): string[] {
  const serving = (report?.modules ?? []).filter(({ published, state }) => published && state === "active");
  return [...new Set(serving.flatMap(({ provides }) => provides.routes.map(({ path }) => path)))].sort();
}

/** Only the newest connection of a host speaks. */
async function record(
  db: Kysely<Database>,
  { connection, tenantId, whole, bases }: BasesTold,
  what: "all" | "unless-moved",
): Promise<Found | null> {
  const { hostId, connectionEpoch, replicaId } = connection;
  const told = JSON.stringify(
    bases.map(({ slot, report }) => ({ id: newId(BaseId, "base"), slot, report, paths: pathsOf(report) })),
  );
  const { rows } = await sql<Found>`
    with told as materialized (
      select told.id, slot, nullif(report, 'null'::jsonb) as report, paths
      from jsonb_to_recordset(${told}::jsonb) as told(id text, slot text, report jsonb, paths text[])
      join service on service.id = told.slot and service.tenant_id = ${tenantId}
    ), speaks as materialized (
      select s.host_id from host_session s join replica r on r.id = s.replica_id
      where s.host_id = ${hostId} and s.connection_epoch = ${connectionEpoch} and s.replica_id = ${replicaId}
        and r.lease_until > clock_timestamp()
    ), moved as materialized (
      select from told full join (select service_id, paths from base where host_id = ${hostId}) known on known.service_id = told.slot
      where exists (select from speaks)
        and case when told.slot is null then ${whole} and known.paths <> '{}' else told.paths <> coalesce(known.paths, '{}') end
      limit 1
    ), writes as materialized (
      select from speaks where ${what === "all"} or not exists (select from moved)
    ), gone as (
      update base set report = null, paths = '{}', reported_at = clock_timestamp()
      where host_id = ${hostId} and report is not null and exists (select from writes)
        and (exists (select from told where told.slot = base.service_id and told.report is null)
          or ${whole} and not exists (select from told where told.slot = base.service_id))
    ), stored as (
      insert into base (id, tenant_id, service_id, host_id, report, paths)
      select told.id, ${tenantId}, told.slot, ${hostId}, told.report, told.paths
      from told where told.report is not null and exists (select from writes)
      order by told.slot
      on conflict (service_id, host_id) do update
        set report = excluded.report, paths = excluded.paths, reported_at = clock_timestamp()
    )
    select workspace_id as "workspaceId", exists (select from moved) as moved
    from host where id = ${hostId} and tenant_id = ${tenantId}`.execute(db);
  return rows[0] ?? null;
}
