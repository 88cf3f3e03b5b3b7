import type { Finding } from "@evenkeel/contracts/change";
import { problemOf } from "@evenkeel/contracts/error";
import type { TenantId } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { readDrift } from "./store/index.ts";

const SHOWN = 100;

/** What moved between the backup and the restore. */
export async function backupFindings(db: Kysely<Database>, tenantId: TenantId): Promise<Finding[]> {
  const moved = await readDrift(db, { tenantId, state: "moved", after: null, rows: SHOWN });
  return moved.map(({ hostId, name, differences }) => ({
    severity: "warning",
    resource: `host/${hostId}`,
    problem: problemOf("HOST_MOVED", { host: name, differences: differences.join("; ") }),
    since: null,
    actions: ["restoration"],
  }));
}
