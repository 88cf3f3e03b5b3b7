import type { Certificate } from "@evenkeel/contracts/certificate";
import type { PageQuery } from "@evenkeel/contracts/endpoint";
import { PlatformError, problemOf } from "@evenkeel/contracts/error";
import { CertificateId, type Name, newId, type TenantId, type WorkspaceId } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import type { CertificateFacts } from "@evenkeel/kit/certificate";
import { json } from "@evenkeel/kit/sql";
import { type Kysely, sql, type Transaction } from "kysely";
import type { Database } from "../database.ts";
import { pageStart, toPage } from "../http/index.ts";
import { raiseVersion } from "../route/index.ts";
import type { KeySeal } from "./key-seal.ts";

/** Everything but the key, which is nobody's to read here. */
const select = (db: Kysely<Database>, tenantId: TenantId) =>
  db
    .selectFrom("certificate")
    .innerJoin("workspace", "workspace.id", "certificate.workspace_id")
    .select([
      "certificate.id",
      "certificate.name",
      "workspace.name as workspace",
      "certificate.hosts",
      "certificate.fallback",
      "certificate.issuer",
      "certificate.fingerprint",
      "certificate.starts_at as startsAt",
      "certificate.ends_at as endsAt",
      sql<boolean>`not exists (select from gateway where gateway.workspace_id = certificate.workspace_id
        and (gateway.tls_port is null or gateway.tls_port > 0))`.as("unserved"),
      "certificate.version",
      "certificate.created_at as createdAt",
      "certificate.updated_at as updatedAt",
    ])
    .where("certificate.tenant_id", "=", tenantId);

type Row = Awaited<ReturnType<ReturnType<typeof select>["execute"]>>[number];

const show = ({ id: _, unserved, ...certificate }: Row): Certificate => ({
  ...certificate,
  unserved: unserved ? problemOf("TLS_DOOR_NONE", { workspace: certificate.workspace }) : null,
});

export async function listCertificates(
  db: Kysely<Database>,
  { tenantId, workspace, page }: { readonly tenantId: TenantId; readonly workspace?: Name; readonly page: PageQuery },
): Promise<{ items: Certificate[]; nextCursor: string | null }> {
  const { after, rows } = pageStart(page);
  let query = select(db, tenantId).orderBy("certificate.id").limit(rows);
  if (workspace !== undefined) query = query.where("workspace.name", "=", workspace);
  if (after !== null) query = query.where("certificate.id", ">", after as CertificateId);
  return toPage(await query.execute(), page, { show, keyOf: ({ id }) => id });
}

interface Wanted {
  readonly tenantId: TenantId;
  readonly workspace: Name;
  readonly name: Name;
}

/** A certificate as refusals name it. */
export const certificateLabel = (certificate: Name, workspace: Name): string =>
  say("label.in", { label: say("label.certificate", { certificate }), place: workspace });

export async function getCertificate(
  db: Kysely<Database>,
  { tenantId, workspace, name }: Wanted,
): Promise<Certificate> {
  const row = await select(db, tenantId)
    .where("workspace.name", "=", workspace)
    .where("certificate.name", "=", name)
    .executeTakeFirst();
  if (row === undefined) throw new PlatformError("NOT_FOUND", { resource: certificateLabel(name, workspace) });
  return show(row);
}

interface Where {
  readonly tenantId: TenantId;
  readonly workspaceId: WorkspaceId;
}

export interface Putting extends Where {
  readonly name: Name;
  readonly facts: CertificateFacts;
  readonly fallback: boolean;
}

/** Stores it, in place of the one of this name, with the next version of the table that gateways get. */
export async function putCertificate(tx: Transaction<Database>, putting: Putting, seal: KeySeal): Promise<void> {
  const { tenantId, workspaceId, name, facts, fallback } = putting;
  await raiseVersion(tx, putting);
  if (fallback) {
    await tx
      .updateTable("certificate")
      .set({ fallback: false })
      .where("workspace_id", "=", workspaceId)
      .where("name", "!=", name)
      .execute();
  }
  const content = {
    hosts: json(facts.hosts) as never,
    fallback,
    chain: facts.chain,
    sealed_key: seal.seal({ workspaceId, name }, facts.key),
    issuer: facts.issuer,
    fingerprint: facts.fingerprint,
    starts_at: facts.startsAt,
    ends_at: facts.endsAt,
  };
  await tx
    .insertInto("certificate")
    .values({
      id: newId(CertificateId, "crt"),
      tenant_id: tenantId,
      workspace_id: workspaceId,
      name,
      ...content,
    })
    .onConflict((conflict) =>
      conflict.columns(["workspace_id", "name"]).doUpdateSet({
        ...content,
        version: sql<number>`certificate.version + 1`,
        updated_at: sql<string>`clock_timestamp()`,
      }),
    )
    .execute();
}

export async function deleteCertificate(
  tx: Transaction<Database>,
  { tenantId, workspaceId, name }: Where & { readonly name: Name },
): Promise<boolean> {
  await raiseVersion(tx, { tenantId, workspaceId });
  const { numDeletedRows } = await tx
    .deleteFrom("certificate")
    .where("tenant_id", "=", tenantId)
    .where("workspace_id", "=", workspaceId)
    .where("name", "=", name)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

/** Those of a tenant that end before this many days have passed, and those that have ended. */
export async function endingCertificates(
  db: Kysely<Database>,
  { tenantId, days }: { readonly tenantId: TenantId; readonly days: number },
): Promise<{ name: Name; workspace: Name; endsAt: string; ended: boolean }[]> {
  return await select(db, tenantId)
    .select(sql<boolean>`certificate.ends_at <= clock_timestamp()`.as("ended"))
    .where("certificate.ends_at", "<", sql<string>`clock_timestamp() + make_interval(days => ${days})`)
    .orderBy("certificate.ends_at")
    .limit(100)
    .execute();
}

/** Workspaces of a tenant that have certificates while none of their gateways listens for TLS. */
export async function workspacesWithoutDoor(db: Kysely<Database>, tenantId: TenantId): Promise<Name[]> {
  const rows = await select(db, tenantId).execute();
  return [...new Set(rows.filter(({ unserved }) => unserved).map(({ workspace }) => workspace))];
}
