import type { InstanceReport } from "@evenkeel/contracts/agent-protocol";
import type { HostId, RevisionId, ServiceId, TenantId } from "@evenkeel/contracts/id";
import type { Generated } from "kysely";

interface RestorationTable {
  only_row: Generated<boolean>;
  epoch: number;
  taken_at: string;
  restored_at: Generated<string>;
}

/** What ran where by the backup. */
interface RestorationInstanceTable {
  tenant_id: TenantId;
  host_id: HostId;
  service_id: ServiceId;
  letter: string;
  revision_id: RevisionId;
  state: string;
}

/** What a host said first when it came back after a restore. */
interface HostReportTable {
  host_id: HostId;
  tenant_id: TenantId;
  epoch: number;
  instances: InstanceReport[];
}

export interface BackupTables {
  restoration: RestorationTable;
  restoration_instance: RestorationInstanceTable;
  host_report: HostReportTable;
}
