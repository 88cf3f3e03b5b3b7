import type { Finding } from "@evenkeel/contracts/change";
import type { TenantId } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { findingsOf } from "./findings.ts";
import type { HostReadings } from "./readings.ts";
import { hostsOfTenant } from "./store.ts";

/** What is wrong with the hosts of a tenant. */
export async function hostFindings(
  { db, readings }: { readonly db: Kysely<Database>; readonly readings: HostReadings },
  tenantId: TenantId,
): Promise<Finding[]> {
  const rows = await hostsOfTenant(db, tenantId);
  return rows.flatMap((row) => findingsOf({ ...row, ...readings(row.id) }));
}
