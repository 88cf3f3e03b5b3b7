import type { CertificateId, Name, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import type { Generated } from "kysely";

interface CertificateTable {
  id: CertificateId;
  tenant_id: TenantId;
  workspace_id: WorkspaceId;
  name: Name;
  hosts: string[];
  fallback: boolean;
  chain: string;
  sealed_key: string;
  issuer: string;
  fingerprint: string;
  starts_at: string;
  ends_at: string;
  version: Generated<number>;
  created_at: Generated<string>;
  updated_at: Generated<string>;
}

export interface CertificateTables {
  certificate: CertificateTable;
}
