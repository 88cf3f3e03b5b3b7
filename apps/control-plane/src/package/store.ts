import type { PageQuery } from "@evenkeel/contracts/endpoint";
import { type ApplicationId, type Digest, newId, PackageId, type TenantId, type Version } from "@evenkeel/contracts/id";
import type { Package } from "@evenkeel/contracts/package";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { pageStart, toPage } from "../http/index.ts";

type Db = Kysely<Database>;

/** Which package: by its id, or by application and version. */
export type PackageBy =
  | { readonly tenantId: TenantId; readonly packageId: PackageId }
  | { readonly tenantId: TenantId; readonly applicationId: ApplicationId; readonly version: string };

export interface FoundPackage {
  readonly id: PackageId;
  readonly version: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** A package for other slices. */
export async function findPackage(db: Db, by: PackageBy): Promise<FoundPackage | null> {
  const { tenantId } = by;
  const where = "packageId" in by ? { id: by.packageId } : { applicationId: by.applicationId, version: by.version };
  const [found] = await readPackages(db, { tenantId, ...where, after: null, rows: 1 });
  return found ?? null;
}

/** Every version of an application that was uploaded. */
export async function versionsOf(db: Db, applicationId: ApplicationId): Promise<string[]> {
  const rows = await db.selectFrom("package").select("version").where("application_id", "=", applicationId).execute();
  return rows.map(({ version }) => version);
}

export interface PackageQuery {
  readonly tenantId: TenantId;
  readonly id?: PackageId;
  readonly applicationId?: ApplicationId;
  readonly application?: string | undefined;
  readonly version?: string | undefined;
  readonly digest?: Digest;
  readonly after: string | null;
  readonly rows: number;
}

/** Packages, oldest first. */
export async function readPackages(db: Db, query: PackageQuery): Promise<Package[]> {
  const { tenantId, id, applicationId, application, version, digest, after } = query;
  const rows = await db
    .selectFrom("package")
    .innerJoin("application", "application.id", "package.application_id")
    .selectAll("package")
    .select("application.name as application")
    .where("package.tenant_id", "=", tenantId)
    .$if(id !== undefined, (q) => q.where("package.id", "=", id!))
    .$if(applicationId !== undefined, (q) => q.where("package.application_id", "=", applicationId!))
    .$if(application !== undefined, (q) => q.where("application.name", "=", application as never))
    .$if(version !== undefined, (q) => q.where("package.version", "=", version as Version))
    .$if(digest !== undefined, (q) => q.where("package.digest", "=", digest!))
    .$if(after !== null, (q) => q.where("package.id", ">", after as PackageId))
    .orderBy("package.id")
    .limit(query.rows)
    .execute();
  return rows.map((row) => ({
    id: row.id,
    application: row.application,
    version: row.version,
    digest: row.digest,
    sizeBytes: row.size_bytes,
    unpackedBytes: row.unpacked_bytes,
    entries: row.entries,
    uploadedBy: row.uploaded_by,
    uploadedAt: row.uploaded_at,
  }));
}

/** One page of them. */
export async function pageOfPackages(
  db: Db,
  tenantId: TenantId,
  { application, version, ...page }: PageQuery & Pick<PackageQuery, "application" | "version">,
): Promise<{ items: Package[]; nextCursor: string | null }> {
  const packages = await readPackages(db, { tenantId, application, version, ...pageStart(page) });
  return toPage(packages, page, { show: (pkg) => pkg, keyOf: ({ id }) => id });
}

export interface NewPackage {
  readonly tenantId: TenantId;
  readonly applicationId: ApplicationId;
  readonly version: Version;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly unpackedBytes: number;
  readonly entries: number;
  readonly uploadedBy: string;
}

/** Stores the package unless its version is there already; what stands there afterwards comes back. */
export async function putPackage(tx: Db, pkg: NewPackage): Promise<Package> {
  await tx
    .insertInto("package")
    .values({
      id: newId(PackageId, "pkg"),
      tenant_id: pkg.tenantId,
      application_id: pkg.applicationId,
      version: pkg.version,
      digest: pkg.digest,
      size_bytes: pkg.sizeBytes,
      unpacked_bytes: pkg.unpackedBytes,
      entries: pkg.entries,
      uploaded_by: pkg.uploadedBy,
    })
    .onConflict((conflict) => conflict.columns(["application_id", "version"]).doNothing())
    .execute();
  const { tenantId, applicationId, version } = pkg;
  const [stored] = await readPackages(tx, { tenantId, applicationId, version, after: null, rows: 1 });
  return stored!;
}
