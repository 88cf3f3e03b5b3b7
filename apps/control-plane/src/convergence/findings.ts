import type { Finding } from "@evenkeel/contracts/change";
import type { ConvergenceSpec } from "@evenkeel/contracts/convergence";
import { problemOf } from "@evenkeel/contracts/error";
import type { TenantId } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { listOwed } from "./store.ts";

/** Hosts that do not have what their services run: away, waiting for their turn, or tried in vain. */
export async function convergenceFindings(db: Kysely<Database>, tenantId: TenantId): Promise<Finding[]> {
  return [...(await findingsOf(db, tenantId, "revision")), ...(await findingsOf(db, tenantId, "modules"))];
}

async function findingsOf(db: Kysely<Database>, tenantId: TenantId, of: ConvergenceSpec["of"]): Promise<Finding[]> {
  return (await listOwed(db, tenantId, of)).map(({ service, host, becauseOf, triedAt, since, changeId, problem }) => ({
    severity: triedAt === null ? "note" : "warning",
    resource: of === "modules" ? `base/${service}@${host}` : `service/${service} on ${host}`,
    problem: problemOf("HOST_BEHIND", {
      ...{ host, service, change: becauseOf },
      problem: triedAt === null ? say("why.was-away") : (problem?.title ?? say("why.given-up")),
    }),
    since,
    actions: [
      ...(changeId === null ? [] : [`change show ${changeId}`]),
      ...(triedAt === null ? [] : [`converge ${service} --host ${host}${FLAG[of]}`]),
    ],
  }));
}

const FLAG = { revision: "", modules: " --modules" } as const;
