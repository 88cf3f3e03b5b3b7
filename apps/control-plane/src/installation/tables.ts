import type { LeaseDatabase } from "@evenkeel/kit/lease";
import type { Generated } from "kysely";

/** One row: what holds for the whole installation. */
interface InstallationTable {
  only_row: Generated<boolean>;
  epoch: Generated<number>;
  created_at: Generated<string>;
}

export interface InstallationTables extends LeaseDatabase {
  installation: InstallationTable;
}
