import type { GatewayMessage } from "@evenkeel/contracts/gateway-protocol";
import type { GatewayId, ReplicaId, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import { notify } from "@evenkeel/kit/notify";
import { inTransaction } from "@evenkeel/kit/sql";
import { type Kysely, sql } from "kysely";
import type { Database } from "../database.ts";
import { type DrainReport, type ReachReport, recordDraining, recordReached, TRAFFIC_CHANNEL } from "../route/index.ts";

/** Payload: `{gatewayId, connectionEpoch}`; every older connection of that gateway is over. */
export const GATEWAY_SESSION_CHANNEL = "gateway_session";

export interface LinkedGateway {
  readonly gatewayId: GatewayId;
  readonly tenantId: TenantId;
  readonly workspaceId: WorkspaceId;
}

export interface GatewayConnection extends LinkedGateway {
  readonly connectionEpoch: number;
  readonly replicaId: ReplicaId;
}

type Hello = Extract<GatewayMessage, { kind: "hello" }>;

/** Makes this the gateway's newest connection, and takes its word for the table it runs on. Null: it was removed, it belongs to a later generation of the installation, or this replica's lease is over. */
export async function takeGatewaySession(
  db: Kysely<Database>,
  gateway: LinkedGateway,
  { hello, replicaId }: { readonly hello: Hello; readonly replicaId: ReplicaId },
): Promise<GatewayConnection | null> {
  return await inTransaction(db, async (tx) => {
    const { rows } = await sql<{ epoch: number }>`
      update gateway set connection_epoch = connection_epoch + 1, driver = ${hello.driver}, tls_port = ${hello.tlsPort ?? null},
        acked_epoch = ${hello.epoch}, acked_version = ${hello.tableVersion}
      where id = ${gateway.gatewayId}
        and exists (select from replica where id = ${replicaId} and lease_until > clock_timestamp())
        and ${hello.epoch} <= (select epoch from installation)
      returning connection_epoch as epoch`.execute(tx);
    const connectionEpoch = rows[0]?.epoch;
    if (connectionEpoch === undefined) return null;
    await sql`insert into gateway_session (gateway_id, tenant_id, connection_epoch, replica_id)
      values (${gateway.gatewayId}, ${gateway.tenantId}, ${connectionEpoch}, ${replicaId})
      on conflict (gateway_id) do update set connection_epoch = excluded.connection_epoch,
        replica_id = excluded.replica_id, connected_at = excluded.connected_at`.execute(tx);
    const superseded = JSON.stringify({ gatewayId: gateway.gatewayId, connectionEpoch });
    await notify(tx, GATEWAY_SESSION_CHANNEL, superseded);
    await notify(tx, TRAFFIC_CHANNEL, gateway.workspaceId);
    return { ...gateway, connectionEpoch, replicaId };
  });
}

export async function endGatewaySession(db: Kysely<Database>, connection: GatewayConnection): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom("gateway_session")
    .where("gateway_id", "=", connection.gatewayId)
    .where("connection_epoch", "=", connection.connectionEpoch)
    .executeTakeFirst();
  if (numDeletedRows > 0n) await notify(db, TRAFFIC_CHANNEL, connection.workspaceId);
}

/** What the newest connection of a gateway says it runs on; an older connection says nothing any more. */
export async function recordApplied(
  db: Kysely<Database>,
  connection: GatewayConnection,
  { epoch, tableVersion }: { readonly epoch: number; readonly tableVersion: number },
): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable("gateway")
    .set({ acked_epoch: epoch, acked_version: tableVersion })
    .where("id", "=", connection.gatewayId)
    .where("connection_epoch", "=", connection.connectionEpoch)
    .executeTakeFirst();
  if (numUpdatedRows > 0n) await notify(db, TRAFFIC_CHANNEL, connection.workspaceId);
}

export async function storeDraining(db: Kysely<Database>, gateway: LinkedGateway, report: DrainReport): Promise<void> {
  await inTransaction(db, (tx) => recordDraining(tx, gateway, report));
}

export async function storeReached(db: Kysely<Database>, gateway: LinkedGateway, report: ReachReport): Promise<void> {
  await inTransaction(db, (tx) => recordReached(tx, gateway, report));
}

/** The newest connection of each of these gateways that exists still. */
export async function readGatewayEpochs(
  db: Kysely<Database>,
  gatewayIds: readonly GatewayId[],
): Promise<Map<GatewayId, number>> {
  const { rows } = await sql<{ id: GatewayId; epoch: number }>`
    select id, connection_epoch as epoch from gateway where id = any(${gatewayIds})`.execute(db);
  return new Map(rows.map((row) => [row.id, row.epoch]));
}

/** Tells every replica that all connections of this gateway are over. */
export async function closeGateway(tx: Kysely<Database>, gatewayId: GatewayId): Promise<void> {
  const all = JSON.stringify({ gatewayId, connectionEpoch: Number.MAX_SAFE_INTEGER });
  await notify(tx, GATEWAY_SESSION_CHANNEL, all);
}
