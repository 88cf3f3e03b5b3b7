import type { Problem } from "@evenkeel/contracts/error";
import type { ApplicationId, HostId, RevisionId, ServiceId, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import type { Environment, InstanceState, ServiceDefinition } from "@evenkeel/contracts/service";
import type { Generated } from "kysely";

interface ServiceTable {
  id: ServiceId;
  tenant_id: TenantId;
  workspace_id: WorkspaceId;
  application_id: ApplicationId;
  name: string;
  /** Without `env`: that is the parameters'. */
  definition: ServiceDefinition;
  parameters_version: Generated<number>;
  revision_id: RevisionId | null;
  previous_revision_id: RevisionId | null;
  version: Generated<number>;
  created_at: Generated<string>;
}

interface ServiceParametersTable {
  service_id: ServiceId;
  tenant_id: TenantId;
  version: number;
  env: Environment;
  created_at: Generated<string>;
}

/** What the agents last said of each instance. */
interface InstanceTable {
  service_id: ServiceId;
  host_id: HostId;
  letter: "a" | "b";
  tenant_id: TenantId;
  revision_id: RevisionId;
  address: string;
  port: number;
  state: InstanceState;
  pid: number | null;
  restarts: number;
  problem: Problem | null;
  since: string;
}

export interface ServiceTables {
  service: ServiceTable;
  service_parameters: ServiceParametersTable;
  instance: InstanceTable;
}
