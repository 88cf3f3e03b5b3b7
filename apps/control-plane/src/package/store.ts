import type { ApplicationId, Digest, PackageId, TenantId } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";

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
export async function findPackage(db: Kysely<Database>, by: PackageBy): Promise<FoundPackage | null> {
  const query = db
    .selectFrom("package")
    .select(["id", "version", "digest", "size_bytes as sizeBytes"])
    .where("tenant_id", "=", by.tenantId);
  const narrowed =
    "packageId" in by
      ? query.where("id", "=", by.packageId)
      : query.where("application_id", "=", by.applicationId).where("version", "=", by.version as never);
  return (await narrowed.executeTakeFirst()) ?? null;
}
