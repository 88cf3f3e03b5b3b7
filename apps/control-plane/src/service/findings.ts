import { causesOfProblem } from "@evenkeel/contracts/cause/find-causes";
import type { Finding } from "@evenkeel/contracts/change";
import { problemOf } from "@evenkeel/contracts/error";
import type { TenantId } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { troubledInstances } from "./store/index.ts";

/** Instances that their agents cannot bring to health, with what the agents say of them. */
export async function instanceFindings(db: Kysely<Database>, tenantId: TenantId): Promise<Finding[]> {
  return (await troubledInstances(db, tenantId)).map(
    ({ serviceId, hostId, service, host, letter, state, problem, since, attached }) => ({
      // One that takes traffic harms requests now; one beside it is what a change left behind.
      severity: attached ? "error" : "warning",
      resource: `service/${service} on ${host}/${letter}`,
      problem: problem ?? problemOf("INSTANCE_UNHEALTHY", { problem: say("why.it-is", { state }) }),
      causes: problem === null ? [] : causesOfProblem(problem),
      since,
      about: [serviceId, hostId],
      actions: [`service show ${service}`, `logs ${service} --host ${host}`],
    }),
  );
}
