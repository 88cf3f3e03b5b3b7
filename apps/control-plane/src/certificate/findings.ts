import type { Finding } from "@evenkeel/contracts/change";
import { problemOf } from "@evenkeel/contracts/error";
import type { TenantId } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { endingCertificates, workspacesWithoutDoor } from "./store.ts";

/** Time enough to get another one, also over holidays. */
const DAYS_BEFORE = 21;

/** Certificates that have ended or soon will, and those that nobody is served by: clients turn away. */
export async function certificateFindings(db: Kysely<Database>, tenantId: TenantId): Promise<Finding[]> {
  const ending = await endingCertificates(db, { tenantId, days: DAYS_BEFORE });
  const withoutDoor = (await workspacesWithoutDoor(db, tenantId)).map(
    (workspace): Finding => ({
      severity: "warning",
      resource: `workspace/${workspace}`,
      problem: problemOf("TLS_DOOR_NONE", { workspace }),
      since: null,
      actions: [],
    }),
  );
  const ends = ending.map(
    ({ name, workspace, endsAt, ended }): Finding => ({
      severity: ended ? "error" : "warning",
      resource: `certificate/${name}`,
      problem: ended
        ? problemOf("CERTIFICATE_ENDED", { name, endedAt: endsAt })
        : problemOf("CERTIFICATE_ENDING", { name, endsAt }),
      since: null,
      actions: [`certificate put ${name} --chain <file> --key <file> --workspace ${workspace}`],
    }),
  );
  return [...ends, ...withoutDoor];
}
