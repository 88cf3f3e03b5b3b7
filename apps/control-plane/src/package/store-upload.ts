import { PlatformError } from "@evenkeel/contracts/error";
import {
  type ApplicationId,
  type Digest,
  newId,
  type PackageId,
  type TenantId,
  UploadId,
  type Version,
} from "@evenkeel/contracts/id";
import type { BeginUpload } from "@evenkeel/contracts/package";
import { inTransaction } from "@evenkeel/kit/sql";
import { type Kysely, type Selectable, sql } from "kysely";
import type { Database } from "../database.ts";

type Db = Kysely<Database>;
export type UploadRow = Selectable<Database["upload"]>;

export interface NewUpload {
  readonly tenantId: TenantId;
  readonly applicationId: ApplicationId;
  readonly version: Version;
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** The upload of these bits as this version: the one under way, or a new one. */
export async function findOrMakeUpload(tx: Db, upload: NewUpload): Promise<UploadRow> {
  await holdDigest(tx, upload.digest);
  await tx
    .insertInto("upload")
    .values({
      id: newId(UploadId, "upl"),
      tenant_id: upload.tenantId,
      application_id: upload.applicationId,
      version: upload.version,
      digest: upload.digest,
      size_bytes: upload.sizeBytes,
    })
    .onConflict((conflict) =>
      conflict
        .columns(["application_id", "version", "digest"])
        .doUpdateSet({ touched_at: sql<string>`clock_timestamp()` }),
    )
    .execute();
  return await tx
    .selectFrom("upload")
    .selectAll()
    .where("application_id", "=", upload.applicationId)
    .where("version", "=", upload.version)
    .where("digest", "=", upload.digest)
    .executeTakeFirstOrThrow();
}

/** Until the end of the transaction nobody else names this object for the first time, or takes it away. */
export async function holdDigest(tx: Db, digest: Digest): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`object ${digest}`}, 0))`.execute(tx);
}

/** Which of these objects packages or uploads under way name. */
export async function namedByPackages(db: Db, digests: readonly Digest[]): Promise<Digest[]> {
  const packages = await db.selectFrom("package").select("digest").where("digest", "in", digests).execute();
  const uploads = await db.selectFrom("upload").select("digest").where("digest", "in", digests).execute();
  return [...packages, ...uploads].map(({ digest }) => digest);
}

export async function findUpload(db: Db, tenantId: TenantId, id: UploadId): Promise<UploadRow | null> {
  const found = await db
    .selectFrom("upload")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .where("id", "=", id)
    .executeTakeFirst();
  return found ?? null;
}

/** The upload of these bits whose last byte has arrived, and that is no package yet. */
export async function findWholeUpload(
  db: Db,
  tenantId: TenantId,
  { application, version, digest }: Pick<BeginUpload, "application" | "version" | "digest">,
): Promise<UploadRow | null> {
  const found = await db
    .selectFrom("upload")
    .innerJoin("application", "application.id", "upload.application_id")
    .selectAll("upload")
    .where("upload.tenant_id", "=", tenantId)
    .where("application.name", "=", application)
    .where("upload.version", "=", version)
    .where("upload.digest", "=", digest)
    .whereRef("received_bytes", "=", "size_bytes")
    .where("package_id", "is", null)
    .executeTakeFirst();
  return found ?? null;
}

/** Appends what arrived, with the row locked: of two senders of the same piece one appends, the other hears where the upload stands. */
export async function advanceUpload(
  db: Db,
  { id, offset, bytes }: { readonly id: UploadId; readonly offset: number; readonly bytes: number },
  append: () => Promise<void>,
): Promise<UploadRow> {
  return await inTransaction(db, async (tx) => {
    const row = await tx.selectFrom("upload").selectAll().where("id", "=", id).forUpdate().executeTakeFirst();
    if (row === undefined) throw new PlatformError("NOT_FOUND", { resource: `upload ${id}` });
    if (row.received_bytes !== offset) throw new PlatformError("UPLOAD_OFFSET_WRONG", { offset: row.received_bytes });
    await append();
    // killed here: the draft has more than the row tells; the piece is sent again and lies in the same place
    return await tx
      .updateTable("upload")
      .set({ received_bytes: offset + bytes, touched_at: sql<string>`clock_timestamp()` })
      .where("id", "=", id)
      .returningAll()
      .executeTakeFirstOrThrow();
  });
}

/** Forgets an upload that came to nothing; one that another process has ended meanwhile stays. */
export async function removeUpload(db: Db, id: UploadId): Promise<void> {
  await db.deleteFrom("upload").where("id", "=", id).where("package_id", "is", null).execute();
}

/** The upload is over: it shows its package to those who still ask. */
export async function markEnded(tx: Db, id: UploadId, packageId: PackageId): Promise<void> {
  await tx
    .updateTable("upload")
    .set({ package_id: packageId, touched_at: sql<string>`clock_timestamp()` })
    .where("id", "=", id)
    .execute();
}

/** Forgets uploads that nobody has sent anything to for so long. */
export async function forgetUntouchedUploads(db: Db, olderThanMs: number): Promise<void> {
  const limit = sql`clock_timestamp() - make_interval(secs => ${olderThanMs / 1000})`;
  await db.deleteFrom("upload").where(sql<boolean>`touched_at < ${limit}`).execute();
}

/** Which of these uploads are still known. */
export async function knownUploads(db: Db, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await db
    .selectFrom("upload")
    .select("id")
    .where("id", "in", ids as readonly UploadId[])
    .execute();
  return new Set(rows.map(({ id }) => id));
}
