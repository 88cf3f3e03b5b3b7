import type { GatewayId, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import type { Generated } from "kysely";

interface GatewayTable {
  id: GatewayId;
  tenant_id: TenantId;
  workspace_id: WorkspaceId;
  name: string;
  url: string | null;
  driver: "node" | "haproxy" | null;
  /** By its own word: 0 = nowhere, null = not told. */
  tls_port: Generated<number | null>;
  credential_digest: string;
  connection_epoch: Generated<number>;
  /** The table that it runs on, by its own word. */
  acked_epoch: Generated<number>;
  acked_version: Generated<number>;
  created_at: Generated<string>;
}

interface GatewaySessionTable {
  gateway_id: GatewayId;
  tenant_id: TenantId;
  connection_epoch: number;
  replica_id: string;
  connected_at: Generated<string>;
}

export interface GatewayTables {
  gateway: GatewayTable;
  gateway_session: GatewaySessionTable;
}
