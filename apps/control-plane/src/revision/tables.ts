import type { Digest, PackageId, RevisionId, ServiceId, TenantId } from "@evenkeel/contracts/id";
import type { Configuration, Revision } from "@evenkeel/contracts/service";
import type { Generated } from "kysely";

interface RevisionTable {
  id: RevisionId;
  tenant_id: TenantId;
  service_id: ServiceId;
  digest: Digest;
  package_id: PackageId;
  package_version: string;
  package_digest: Digest;
  buildpack: Revision["buildpack"];
  configuration: Configuration;
  created_at: Generated<string>;
}

export interface RevisionTables {
  revision: RevisionTable;
}
