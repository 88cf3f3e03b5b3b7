import type { ChangeId, HostId, ServiceId, TenantId } from "@evenkeel/contracts/id";
import type { Generated } from "kysely";

/** What a host has missed of a service. */
interface OwedSlotTable {
  service_id: ServiceId;
  host_id: HostId;
  tenant_id: TenantId;
  /** The service's revision is to stand there; false = nothing. */
  running: boolean;
  /** The change that left the host out. */
  because_of: ChangeId;
  /** The newest convergence of it. */
  change_id: ChangeId | null;
  /** When that one ended without having brought it: it is tried again after the host has connected anew. */
  tried_at: string | null;
  since: Generated<string>;
}

/** What a base has missed of its modules: it gets what its cluster wants when it answers. */
type OwedBaseTable = Omit<OwedSlotTable, "running">;

export interface ConvergenceTables {
  owed_slot: OwedSlotTable;
  owed_base: OwedBaseTable;
}
