import type { ApplicationId, Digest, PackageId, TenantId, UploadId, Version } from "@evenkeel/contracts/id";
import type { ColumnType, Generated } from "kysely";

interface PackageTable {
  id: PackageId;
  tenant_id: TenantId;
  application_id: ApplicationId;
  version: Version;
  digest: Digest;
  size_bytes: number;
  unpacked_bytes: number;
  entries: number;
  uploaded_by: string;
  uploaded_at: Generated<string>;
}

/** An upload under way; its bytes lie in the object store until they are whole and checked. */
interface UploadTable {
  id: UploadId;
  tenant_id: TenantId;
  application_id: ApplicationId;
  version: Version;
  digest: Digest;
  size_bytes: number;
  received_bytes: Generated<number>;
  /** What became of it; its bytes are an object by then. */
  package_id: ColumnType<PackageId | null, undefined, PackageId>;
  touched_at: Generated<string>;
  created_at: Generated<string>;
}

export interface PackageTables {
  package: PackageTable;
  upload: UploadTable;
}
