import { PlatformError } from "@evenkeel/contracts/error";
import type { CreateJoinToken, EditHost, JoinHost } from "@evenkeel/contracts/host";
import { HostId, newId, type TenantId, type WorkspaceId } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import { json } from "@evenkeel/kit/sql";
import { type Kysely, sql, type Transaction } from "kysely";
import type { Database } from "../database.ts";
import type { HostRow } from "./show.ts";

function selectHosts(db: Kysely<Database>) {
  return db
    .selectFrom("host")
    .leftJoin("host_session", "host_session.host_id", "host.id")
    .leftJoin("replica", "replica.id", "host_session.replica_id")
    .select([
      "host.id as id",
      "host.workspace_id as workspaceId",
      "host.name as name",
      "host.zone as zone",
      "host.cell as cell",
      "host.address as address",
      "host.labels as labels",
      "host.set_aside as setAside",
      "host.set_aside_at as setAsideAt",
      "host.connection_epoch as connectionEpoch",
      "host.facts as facts",
      "host.clock_skew_ms as clockSkewMs",
      "host.version as version",
      "host.created_at as createdAt",
      sql<string | null>`case when replica.lease_until > clock_timestamp() then host_session.connected_at end`.as(
        "connectedAt",
      ),
      sql<string | null>`coalesce(replica.lease_until, host_session.connected_at, host.offline_at)`.as("offlineAt"),
    ]);
}

export interface HostPage {
  readonly tenantId: TenantId;
  readonly workspace: string | undefined;
  readonly name: string | undefined;
  readonly after: string | null;
  readonly rows: number;
}

export async function readHosts(db: Kysely<Database>, page: HostPage): Promise<HostRow[]> {
  return await selectHosts(db)
    .innerJoin("workspace", "workspace.id", "host.workspace_id")
    .where("host.tenant_id", "=", page.tenantId)
    .$if(page.workspace !== undefined, (query) => query.where("workspace.name", "=", page.workspace!))
    .$if(page.name !== undefined, (query) => query.where("host.name", "=", page.name!))
    .$if(page.after !== null, (query) => query.where("host.id", ">", page.after as HostId))
    .orderBy("host.id")
    .limit(page.rows)
    .execute();
}

export interface WhichHost {
  readonly tenantId: TenantId;
  readonly hostId: HostId;
}

export async function readHost(db: Kysely<Database>, { tenantId, hostId }: WhichHost): Promise<HostRow> {
  const row = await selectHosts(db)
    .where("host.tenant_id", "=", tenantId)
    .where("host.id", "=", hostId)
    .executeTakeFirst();
  if (row === undefined) throw new PlatformError("NOT_FOUND", { resource: `host ${hostId}` });
  return row;
}

/** All hosts of a workspace, in the order of their names. */
export async function hostsOf(db: Kysely<Database>, workspaceId: WorkspaceId): Promise<HostRow[]> {
  return await selectHosts(db).where("host.workspace_id", "=", workspaceId).orderBy("host.name").execute();
}

export interface CredentialHost {
  readonly tenantId: TenantId;
  readonly hostId: HostId;
  readonly hostName: string;
}

/** Whose credentials these are. */
export async function findHostsByCredential(
  db: Kysely<Database>,
  digests: readonly string[],
): Promise<(CredentialHost | null)[]> {
  const rows = await db
    .selectFrom("host")
    .select(["tenant_id as tenantId", "id as hostId", "name as hostName", "credential_digest as digest"])
    .where("credential_digest", "=", sql<string>`any(${digests})`)
    .execute();
  const of = new Map(rows.map(({ digest, ...host }) => [digest, host]));
  return digests.map((digest) => of.get(digest) ?? null);
}

/** Changes what a person may change; the version rises only if something differs. */
export async function editHost(tx: Transaction<Database>, which: WhichHost, edit: EditHost): Promise<void> {
  const host = await lockHost(tx, which);
  const { name, cell } = host;
  // Gateways keep the traffic of a cell on its hosts: another one is a change.
  if (edit.cell !== undefined && edit.cell !== cell)
    throw new PlatformError("HOST_CELL_MOVES_USERS", { host: name, cell: edit.cell ?? "none" });
  const next = { zone: edit.zone ?? host.zone, labels: edit.labels ?? host.labels };
  await refuseUnknownPlace(tx, host.workspace_id, { zone: next.zone, cell: null });
  await sql`update host set zone = ${next.zone}, labels = ${json(next.labels)}, version = version + 1
    where id = ${which.hostId} and (zone, labels) is distinct from (${next.zone}, ${json(next.labels)})`.execute(tx);
}

/** A host, and the cell that it is to be in. */
export interface PlacedHost {
  readonly hostId: HostId;
  readonly cell: string | null;
}

/** Moves hosts of a workspace into their cells, or out of any; the version of each that moves rises. */
export async function placeHosts(
  tx: Transaction<Database>,
  workspaceId: WorkspaceId,
  placed: readonly PlacedHost[],
): Promise<void> {
  if (placed.length === 0) return;
  // In the order in which links of agents take these rows.
  await sql`
    with moved as materialized (
      select host.id, placed.cell from host
      join jsonb_to_recordset(${JSON.stringify(placed)}::jsonb) as placed("hostId" text, cell text) on placed."hostId" = host.id
      where workspace_id = ${workspaceId} and host.cell is distinct from placed.cell order by host.id for update of host
    )
    update host set cell = moved.cell, version = version + 1 from moved where host.id = moved.id`.execute(tx);
}

async function lockHost(tx: Transaction<Database>, { tenantId, hostId }: WhichHost) {
  const host = await tx
    .selectFrom("host")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .where("id", "=", hostId)
    .forUpdate()
    .executeTakeFirst();
  if (host === undefined) throw new PlatformError("NOT_FOUND", { resource: `host ${hostId}` });
  return host;
}

interface Place {
  readonly zone: string | null;
  readonly cell: string | null;
}

async function refuseUnknownPlace(
  tx: Kysely<Database>,
  workspaceId: WorkspaceId,
  { zone, cell }: Place,
): Promise<void> {
  const { rows } = await sql<{ zones: string[]; cells: string[] }>`
    select zones, array(select name from cell where workspace_id = workspace.id) as cells
    from workspace where id = ${workspaceId}`.execute(tx);
  const { zones, cells } = rows[0]!;
  const listed = (names: readonly string[]) => names.join(", ") || say("listed.none");
  if (zone !== null && !zones.includes(zone))
    throw unknownPlace("zone", say("why.zone-unknown", { zone, zones: listed(zones) }));
  if (cell !== null && !cells.includes(cell))
    throw unknownPlace("cell", say("why.cell-unknown", { cell, cells: listed(cells) }));
}

const unknownPlace = (field: string, problem: string): PlatformError =>
  new PlatformError("INPUT_INVALID", { field, problem: `${field}: ${problem}` });

/** Takes a host back. A lost journal is begun anew: the next hello says what it is. */
export async function admitHost(tx: Transaction<Database>, which: WhichHost): Promise<boolean> {
  const { set_aside } = await lockHost(tx, which);
  if (set_aside === null) return false;
  await tx
    .updateTable("host")
    .set({
      set_aside: null,
      set_aside_at: null,
      set_aside_problem: null,
      ...(set_aside === "journal-lost" ? { journal_id: null, journal_sequence: 0 } : {}),
    })
    .where("id", "=", which.hostId)
    .execute();
  return true;
}

/** What takes traffic on a host. */
export async function upstreamsOn(tx: Transaction<Database>, hostId: HostId) {
  return await tx.selectFrom("upstream").select("instance").where("host_id", "=", hostId).execute();
}

export async function deleteHost(tx: Transaction<Database>, hostId: HostId): Promise<void> {
  await tx.deleteFrom("host").where("id", "=", hostId).execute();
}

export interface NewJoinToken extends CreateJoinToken {
  readonly tenantId: TenantId;
  readonly digest: string;
}

/** Stores the digest of a join token; the moment when it ends. */
export async function insertJoinToken(tx: Transaction<Database>, token: NewJoinToken): Promise<string> {
  const workspace = await tx
    .selectFrom("workspace")
    .select("id")
    .where("tenant_id", "=", token.tenantId)
    .where("name", "=", token.workspace)
    .executeTakeFirst();
  if (workspace === undefined) throw new PlatformError("NOT_FOUND", { resource: `workspace ${token.workspace}` });
  const place = { zone: token.zone ?? null, cell: token.cell ?? null };
  await refuseUnknownPlace(tx, workspace.id, place);
  const row = await tx
    .insertInto("join_token")
    .values({
      id: token.digest.slice(0, 20),
      tenant_id: token.tenantId,
      workspace_id: workspace.id,
      digest: token.digest,
      joins: token.for,
      ...place,
      expires_at: sql<string>`clock_timestamp() + make_interval(secs => ${token.validSeconds})`,
    })
    .returning("expires_at")
    .executeTakeFirstOrThrow();
  return row.expires_at;
}

export interface UsedToken extends Place {
  readonly tenantId: TenantId;
  readonly workspaceId: WorkspaceId;
}

/** Uses a join token up; of two who try at once one is refused. */
export async function useJoinToken(
  tx: Transaction<Database>,
  { digest, joins, usedBy }: { digest: string; joins: "host" | "gateway"; usedBy: string },
): Promise<UsedToken> {
  const { rows } = await sql<UsedToken>`
    update join_token set used_at = clock_timestamp(), used_by = ${usedBy}
    where digest = ${digest} and joins = ${joins} and used_at is null and expires_at > clock_timestamp()
    returning tenant_id as "tenantId", workspace_id as "workspaceId", zone, cell`.execute(tx);
  if (rows[0] === undefined) throw new PlatformError("JOIN_TOKEN_USED");
  return rows[0];
}

export interface NewHost extends JoinHost {
  readonly credentialDigest: string;
  readonly place: UsedToken;
}

/** Makes the host. One of the same name that never connected was a join whose answer got lost: it is taken over. */
export async function insertHost(tx: Transaction<Database>, host: NewHost): Promise<HostId> {
  const { tenantId, workspaceId, cell } = host.place;
  const zone = host.place.zone ?? host.zone ?? null;
  await refuseUnknownPlace(tx, workspaceId, { zone, cell });
  const { rows } = await sql<{ id: HostId }>`
    insert into host (id, tenant_id, workspace_id, name, zone, cell, address, credential_digest, journal_id, boot_id)
    select ${newId(HostId, "host")}, ${tenantId}, ${workspaceId}, ${host.name}, coalesce(${zone}, zones ->> 0), ${cell},
      ${host.address}, ${host.credentialDigest}, ${host.journalId}, ${host.bootId}
    from workspace where id = ${workspaceId}
    on conflict (workspace_id, name) do update set zone = excluded.zone, cell = excluded.cell, address = excluded.address,
      credential_digest = excluded.credential_digest, journal_id = excluded.journal_id, boot_id = excluded.boot_id
      where host.connection_epoch = 0
    returning id`.execute(tx);
  if (rows[0] === undefined) throw new PlatformError("ALREADY_EXISTS", { resource: `host ${host.name}` });
  return rows[0].id;
}

/** All hosts of a tenant; for what looks at every one. */
export async function hostsOfTenant(db: Kysely<Database>, tenantId: TenantId): Promise<HostRow[]> {
  return await selectHosts(db).where("host.tenant_id", "=", tenantId).orderBy("host.name").execute();
}
