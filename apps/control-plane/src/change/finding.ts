import type { Finding } from "@evenkeel/contracts/change";
import type { ChangeAction } from "@evenkeel/contracts/change-state";
import { problemOf } from "@evenkeel/contracts/error";
import type { TenantId } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { readSummaries } from "./read.ts";
import { listUnfinished } from "./store/list.ts";

/** What a verb cannot do without. */
const WORDS: Partial<Record<ChangeAction, string>> = {
  confirm: " BATCH",
  skip: " HOST --traffic re-attach",
  "declare-lost": " STEP --reason WHY",
  rollback: " --speed fast --reason WHY",
  close: " --reason WHY",
  reject: " --reason WHY",
};

const HANGING = ["failed", "paused", "awaiting-confirmation", "awaiting-approval"];

/** Changes that wait for a person, and what he may do. */
export async function changeFindings(db: Kysely<Database>, tenantId: TenantId): Promise<Finding[]> {
  const waiting = (await listUnfinished(db, tenantId)).filter(
    (row) => HANGING.includes(row.state) || row.waiting_for !== null,
  );
  return (await readSummaries(db, waiting)).map((change) => {
    const { id, title, state, problem, allowedActions, waitingFor, stateSince } = change;
    return {
      severity: state === "failed" ? "error" : "warning",
      resource: `change/${id}`,
      problem: problem ?? problemOf("CHANGE_WAITS", { change: title, state, waitingFor: waitingFor ?? "a person" }),
      since: stateSince,
      actions: allowedActions.map((action) => `change ${action} ${id}${WORDS[action] ?? ""}`),
    };
  });
}
