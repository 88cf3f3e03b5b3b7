import type { TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import { sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";

/** Payload: the workspace whose gateways are to be told something. */
export const ROUTES_CHANNEL = "routes";
/** Payload: the workspace whose confirmations, drains or reached instances moved. */
export const TRAFFIC_CHANNEL = "traffic";

export interface TableVersion {
  /** Of the installation. */
  readonly epoch: number;
  readonly tableVersion: number;
}

export interface Where {
  readonly tenantId: TenantId;
  readonly workspaceId: WorkspaceId;
}

/**
 * Raises the version and holds the table's row until the end of the transaction.
 * Everyone takes this row before any route or upstream: changes of one workspace queue here, and none can deadlock.
 */
export async function raiseVersion(tx: Transaction<Database>, where: Where): Promise<TableVersion> {
  const { workspaceId, tenantId } = where;
  const { rows } = await sql<{ epoch: number; version: number }>`
    with raised as (
      insert into route_table (workspace_id, tenant_id, version) values (${workspaceId}, ${tenantId}, 1)
      on conflict (workspace_id) do update set version = route_table.version + 1 returning version
    )
    select version, (select epoch from installation) as epoch,
      pg_notify(${ROUTES_CHANNEL}, ${workspaceId}), pg_notify(${TRAFFIC_CHANNEL}, ${workspaceId}) from raised`.execute(
    tx,
  );
  return { epoch: rows[0]!.epoch, tableVersion: rows[0]!.version };
}
