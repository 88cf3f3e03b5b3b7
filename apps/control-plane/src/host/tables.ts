import type { Problem } from "@evenkeel/contracts/error";
import type { HostFacts } from "@evenkeel/contracts/host";
import type { HostId, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import type { Generated } from "kysely";

interface HostTable {
  id: HostId;
  tenant_id: TenantId;
  workspace_id: WorkspaceId;
  name: string;
  zone: string;
  cell: string | null;
  address: string;
  labels: Record<string, string>;
  credential_digest: string;
  journal_id: string | null;
  journal_sequence: Generated<number>;
  boot_id: string | null;
  agent_version: string | null;
  connection_epoch: Generated<number>;
  set_aside: "journal-lost" | "duplicate" | null;
  set_aside_at: string | null;
  set_aside_problem: Problem | null;
  offline_at: string | null;
  facts: HostFacts | null;
  facts_at: string | null;
  clock_skew_ms: number | null;
  version: Generated<number>;
  created_at: Generated<string>;
}

/** Written on connect and disconnect only; a host is online while its row is here and that replica's lease lives. */
interface HostSessionTable {
  host_id: HostId;
  tenant_id: TenantId;
  connection_epoch: number;
  replica_id: string;
  connected_at: Generated<string>;
}

interface JoinTokenTable {
  id: string;
  tenant_id: TenantId;
  workspace_id: WorkspaceId;
  digest: string;
  joins: "host" | "gateway";
  zone: string | null;
  cell: string | null;
  expires_at: string;
  used_at: string | null;
  used_by: string | null;
  created_at: Generated<string>;
}

export interface HostTables {
  host: HostTable;
  host_session: HostSessionTable;
  join_token: JoinTokenTable;
}
