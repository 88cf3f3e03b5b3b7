import type { Finding } from "@evenkeel/contracts/change";
import { problemOf } from "@evenkeel/contracts/error";
import type { TenantId } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { endingCertificates } from "./store.ts";

/** Time enough to get another one, also over holidays. */
const DAYS_BEFORE = 21;

/** Certificates that have ended or soon will: clients turn away from then on. */
export async function certificateFindings(db: Kysely<Database>, tenantId: TenantId): Promise<Finding[]> {
  const ending = await endingCertificates(db, { tenantId, days: DAYS_BEFORE });
  return ending.map(({ name, workspace, endsAt, ended }) => ({
    severity: ended ? "error" : "warning",
    resource: `certificate/${name}`,
    problem: ended
      ? problemOf("CERTIFICATE_ENDED", { name, endedAt: endsAt })
      : problemOf("CERTIFICATE_ENDING", { name, endsAt }),
    since: null,
    actions: [`certificate put ${name} --chain <file> --key <file> --workspace ${workspace}`],
  }));
}
