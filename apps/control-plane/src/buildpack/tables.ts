import type { BuildpackDefinition } from "@evenkeel/contracts/buildpack";
import type { BuildpackId, Digest, Name, TenantId, Version } from "@evenkeel/contracts/id";
import type { Generated } from "kysely";

interface BuildpackTable {
  id: BuildpackId;
  tenant_id: TenantId;
  name: Name;
  version: Version;
  digest: Digest;
  size_bytes: number;
  definition: BuildpackDefinition;
  /** Path of each file and the digest of its text. */
  scripts: Generated<Record<string, Digest>>;
  created_at: Generated<string>;
}

export interface BuildpackTables {
  buildpack: BuildpackTable;
}
