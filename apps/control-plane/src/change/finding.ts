import type { Finding } from "@evenkeel/contracts/change";
import { problemOf } from "@evenkeel/contracts/error";
import type { TenantId } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import type { Caller } from "../http/index.ts";
import { permittedSummary } from "./permitted.ts";
import { readSummaries } from "./read.ts";
import { commandOf } from "./show/command.ts";
import { listUnfinished } from "./store/list.ts";

const HANGING = ["failed", "paused", "awaiting-confirmation", "awaiting-approval"];

/** Changes that wait for a person, and what he may do. */
export async function changeFindings(
  db: Kysely<Database>,
  tenantId: TenantId,
  who: Pick<Caller, "may">,
): Promise<Finding[]> {
  const waiting = (await listUnfinished(db, tenantId)).filter(
    (row) => HANGING.includes(row.state) || row.waiting_for !== null,
  );
  return (await readSummaries(db, waiting)).map((change) => {
    const { id, title, state, problem, causes, allowedActions, waitingFor, stateSince } = permittedSummary(change, who);
    return {
      severity: state === "failed" ? "error" : "warning",
      resource: `change/${id}`,
      problem:
        problem ?? problemOf("CHANGE_WAITS", { change: title, state, waitingFor: waitingFor ?? say("wait.person") }),
      causes,
      since: stateSince,
      about: [id],
      actions: [`change blockers ${id}`, ...allowedActions.map((action) => commandOf(action, id))],
    };
  });
}
