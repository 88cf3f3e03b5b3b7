import type { Digest, ModuleBundleId, Name, TenantId } from "@evenkeel/contracts/id";
import type { ModuleManifest } from "@evenkeel/contracts/module";
import type { Generated } from "kysely";

interface ModuleBundleTable {
  id: ModuleBundleId;
  tenant_id: TenantId;
  name: Name;
  version: string;
  digest: Digest;
  size_bytes: number;
  cache_node: string | null;
  manifest: ModuleManifest;
  uploaded_by: string;
  uploaded_at: Generated<string>;
}

export interface ModuleTables {
  module_bundle: ModuleBundleTable;
}
