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

/** Stores it; a base that is new is made known. Gateways are told where the paths of modules have come or gone. */
export async function recordBases(db: Kysely<Database>, told: BasesTold): Promise<void> {
  const before = await record(db, told);
  // killed here: the agent tells all of it to the next replica, and what is told whole is passed on
  if (before === null || !(told.whole ? isPublishing(before, told) : moves(before, told))) return;
  const { tenantId } = told;
  await inTransaction(db, (tx) => raiseVersion(tx, { tenantId, workspaceId: before.workspaceId }));
}

interface Published {
  readonly workspaceId: WorkspaceId;
  /** By service. */
  readonly paths: Readonly<Record<string, readonly string[]>>;
}

function isPublishing({ paths }: Published, { bases }: BasesTold): boolean {
  return [...Object.values(paths), ...bases.map(({ report }) => pathsOf(report))].some(({ length }) => length > 0);
}

function moves({ paths }: Published, { bases }: BasesTold): boolean {
  return bases.some(({ slot, report }) => pathsOf(report).join(" ") !== (paths[slot] ?? []).join(" "));
}

/** Where modules of a base answer, each path once. */
function pathsOf(report: BaseReport | null): string[] {
  const serving = (report?.modules ?? []).filter(({ published, state }) => published && state === "active");
  return [...new Set(serving.flatMap(({ provides }) => provides.routes.map(({ path }) => path)))].sort();
}

/** Only the newest connection of a host speaks. Answers what stood there before. */
async function record(
  db: Kysely<Database>,
  { connection, tenantId, whole, bases }: BasesTold,
): Promise<Published | null> {
  const { hostId, connectionEpoch, replicaId } = connection;
  const told = JSON.stringify(
    bases.map(({ slot, report }) => ({ id: newId(BaseId, "base"), slot, report, paths: pathsOf(report) })),
  );
  const { rows } = await sql<Published>`
    with told as materialized (
      select id, slot, nullif(report, 'null'::jsonb) as report, paths
      from jsonb_to_recordset(${told}::jsonb) as told(id text, slot text, report jsonb, paths text[])
    ), speaks as materialized (
      select s.host_id from host_session s join replica r on r.id = s.replica_id
      where s.host_id = ${hostId} and s.connection_epoch = ${connectionEpoch} and s.replica_id = ${replicaId}
        and r.lease_until > clock_timestamp()
    ), gone as (
      update base set report = null, paths = '{}', reported_at = clock_timestamp()
      where host_id = ${hostId} and report is not null and exists (select from speaks)
        and (exists (select from told where told.slot = base.service_id and told.report is null)
          or ${whole} and not exists (select from told where told.slot = base.service_id))
    ), stored as (
      insert into base (id, tenant_id, service_id, host_id, report, paths)
      select told.id, service.tenant_id, told.slot, ${hostId}, told.report, told.paths
      from told join service on service.id = told.slot and service.tenant_id = ${tenantId}
      where told.report is not null and exists (select from speaks)
      order by told.slot
      on conflict (service_id, host_id) do update
        set report = excluded.report, paths = excluded.paths, reported_at = clock_timestamp()
    )
    select workspace_id as "workspaceId",
      (select coalesce(json_object_agg(service_id, paths), '{}') from base where host_id = host.id) as paths
    from host where id = ${hostId} and tenant_id = ${tenantId}`.execute(db);
  return rows[0] ?? null;
}
