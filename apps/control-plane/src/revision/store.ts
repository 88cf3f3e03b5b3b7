import { newId, RevisionId, type ServiceId, type TenantId } from "@evenkeel/contracts/id";
import type { Revision } from "@evenkeel/contracts/service";
import { json } from "@evenkeel/kit/sql";
import type { Kysely, Selectable, Transaction } from "kysely";
import type { Database } from "../database.ts";
import { revisionDigest } from "./digest.ts";
import type { RevisionTables } from "./tables.ts";

type Row = Selectable<RevisionTables["revision"]>;

const decode = (row: Row): Revision => ({
  id: row.id,
  serviceId: row.service_id,
  digest: row.digest,
  packageId: row.package_id,
  packageVersion: row.package_version,
  packageDigest: row.package_digest,
  buildpack: row.buildpack,
  configuration: row.configuration,
  createdAt: row.created_at,
});

export type NewRevision = Omit<Revision, "id" | "digest" | "createdAt"> & {
  tenantId: TenantId;
  /** Under which it is stored if its content is new. */
  id?: RevisionId;
};

/** Stores a revision, or finds the one of this service with the same content: revisions never change. */
export async function putRevision(tx: Transaction<Database>, revision: NewRevision): Promise<Revision> {
  const digest = revisionDigest({
    packageVersion: revision.packageVersion,
    packageDigest: revision.packageDigest,
    buildpackDigest: revision.buildpack.digest,
    configuration: revision.configuration,
  });
  await tx
    .insertInto("revision")
    .values({
      id: revision.id ?? newId(RevisionId, "rev"),
      tenant_id: revision.tenantId,
      service_id: revision.serviceId,
      digest,
      package_id: revision.packageId,
      package_version: revision.packageVersion,
      package_digest: revision.packageDigest,
      buildpack: json(revision.buildpack),
      configuration: json(revision.configuration),
    })
    .onConflict((conflict) => conflict.columns(["service_id", "digest"]).doNothing())
    .execute();
  return decode(
    await tx
      .selectFrom("revision")
      .selectAll()
      .where("service_id", "=", revision.serviceId)
      .where("digest", "=", digest)
      .executeTakeFirstOrThrow(),
  );
}

export async function readRevisions(
  db: Kysely<Database>,
  ids: readonly RevisionId[],
): Promise<Map<RevisionId, Revision>> {
  if (ids.length === 0) return new Map();
  const rows = await db.selectFrom("revision").selectAll().where("id", "in", ids).execute();
  return new Map(rows.map((row) => [row.id, decode(row)]));
}

export interface RevisionPage {
  readonly tenantId: TenantId;
  readonly serviceId: ServiceId;
  /** Older than this one. */
  readonly after: string | null;
  readonly limit: number;
}

/** Newest first. */
export async function listRevisions(db: Kysely<Database>, page: RevisionPage): Promise<Revision[]> {
  let query = db
    .selectFrom("revision")
    .selectAll()
    .where("tenant_id", "=", page.tenantId)
    .where("service_id", "=", page.serviceId)
    .orderBy("id", "desc")
    .limit(page.limit);
  if (page.after !== null) query = query.where("id", "<", page.after as RevisionId);
  return (await query.execute()).map(decode);
}

/** Every revision of a service whose content the next release may meet again: the newest hundred. */
export async function revisionsOf(db: Kysely<Database>, serviceId: ServiceId): Promise<Revision[]> {
  const query = db.selectFrom("revision").selectAll().where("service_id", "=", serviceId);
  return (await query.orderBy("id", "desc").limit(100).execute()).map(decode);
}

/** Takes all revisions of a service away. */
export async function removeRevisions(tx: Kysely<Database>, serviceId: ServiceId): Promise<void> {
  await tx.deleteFrom("revision").where("service_id", "=", serviceId).execute();
}
