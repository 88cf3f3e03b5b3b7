import { PlatformError } from "@evenkeel/contracts/error";
import type { Gateway, JoinGateway } from "@evenkeel/contracts/gateway-protocol";
import { GatewayId, newId, type TenantId, type WorkspaceId } from "@evenkeel/contracts/id";
import { type Kysely, sql, type Transaction } from "kysely";
import type { Database } from "../database.ts";

export interface GatewayPage {
  readonly tenantId: TenantId;
  readonly workspace: string | undefined;
  readonly after: string | null;
  readonly rows: number;
}

export async function readGateways(db: Kysely<Database>, page: GatewayPage): Promise<Gateway[]> {
  return await db
    .selectFrom("gateway")
    .innerJoin("workspace", "workspace.id", "gateway.workspace_id")
    .leftJoin("route_table", "route_table.workspace_id", "gateway.workspace_id")
    .leftJoin("gateway_session", "gateway_session.gateway_id", "gateway.id")
    .leftJoin("replica", "replica.id", "gateway_session.replica_id")
    .select([
      "gateway.id as id",
      "gateway.workspace_id as workspaceId",
      "gateway.name as name",
      sql<Gateway["state"]>`case when replica.lease_until > clock_timestamp() then 'online'
        when gateway.connection_epoch = 0 then 'joining' else 'offline' end`.as("state"),
      "gateway.driver as driver",
      "gateway.url as url",
      "gateway.tls_port as tlsPort",
      "gateway.acked_version as ackedVersion",
      sql<number>`coalesce(route_table.version, 0)`.as("tableVersion"),
      "gateway.created_at as createdAt",
    ])
    .where("gateway.tenant_id", "=", page.tenantId)
    .$if(page.workspace !== undefined, (query) => query.where("workspace.name", "=", page.workspace!))
    .$if(page.after !== null, (query) => query.where("gateway.id", ">", page.after as GatewayId))
    .orderBy("gateway.id")
    .limit(page.rows)
    .execute();
}

/** The gateways of a workspace and what they run; null = not known yet. */
export async function driversOf(
  db: Kysely<Database>,
  workspaceId: WorkspaceId,
): Promise<{ name: string; driver: Gateway["driver"] }[]> {
  return await db
    .selectFrom("gateway")
    .select(["name", "driver"])
    .where("workspace_id", "=", workspaceId)
    .orderBy("name")
    .execute();
}

export interface NewGateway extends JoinGateway {
  readonly tenantId: TenantId;
  readonly workspaceId: WorkspaceId;
  readonly credentialDigest: string;
}

/** Makes the gateway. One of the same name that never connected was a join whose answer got lost: it is taken over. */
export async function insertGateway(tx: Transaction<Database>, gateway: NewGateway): Promise<GatewayId> {
  const { rows } = await sql<{ id: GatewayId }>`
    insert into gateway (id, tenant_id, workspace_id, name, url, credential_digest)
    values (${newId(GatewayId, "gtw")}, ${gateway.tenantId}, ${gateway.workspaceId}, ${gateway.name}, ${gateway.url},
      ${gateway.credentialDigest})
    on conflict (workspace_id, name) do update set url = excluded.url, credential_digest = excluded.credential_digest
      where gateway.connection_epoch = 0
    returning id`.execute(tx);
  if (rows[0] === undefined) throw new PlatformError("ALREADY_EXISTS", { resource: `gateway ${gateway.name}` });
  return rows[0].id;
}

/** Takes the gateway away; nobody waits for its confirmations any more. The workspace it was in. */
export async function deleteGateway(
  tx: Transaction<Database>,
  { tenantId, gatewayId }: { tenantId: TenantId; gatewayId: GatewayId },
): Promise<WorkspaceId> {
  const row = await tx
    .deleteFrom("gateway")
    .where("tenant_id", "=", tenantId)
    .where("id", "=", gatewayId)
    .returning("workspace_id")
    .executeTakeFirst();
  if (row === undefined) throw new PlatformError("NOT_FOUND", { resource: `gateway ${gatewayId}` });
  return row.workspace_id;
}

export interface KnownGateway {
  readonly gatewayId: GatewayId;
  readonly tenantId: TenantId;
  readonly workspaceId: WorkspaceId;
}

/** Whose credential this is. */
export async function findGatewayByCredential(db: Kysely<Database>, digest: string): Promise<KnownGateway | null> {
  const row = await db
    .selectFrom("gateway")
    .select(["id as gatewayId", "tenant_id as tenantId", "workspace_id as workspaceId"])
    .where("credential_digest", "=", digest)
    .executeTakeFirst();
  return row ?? null;
}
