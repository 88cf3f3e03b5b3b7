import type { Finding } from "@evenkeel/contracts/change";
import { problemOf } from "@evenkeel/contracts/error";
import type { TenantId } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { readReviews } from "./store.ts";

const SHOWN = 20;

/** Emergency starts that nobody has reviewed yet. */
export async function reviewFindings(db: Kysely<Database>, tenantId: TenantId): Promise<Finding[]> {
  const open = await readReviews(db, { tenantId, state: "open", after: null, rows: SHOWN });
  return open.map(({ id, changeId, title, startedBy, startedAt, reason }) => ({
    severity: "note",
    resource: `change/${changeId}`,
    problem: problemOf("REVIEW_OPEN", { title, startedBy, reason }),
    since: startedAt,
    actions: [`review sign ${id} --note WHAT`],
  }));
}
