import type { VerbBody } from "@evenkeel/contracts/change";
import { PlatformError, problemOf } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";
import type { ChangeDeps } from "../deps.ts";
import { beginDue } from "../execute/start-scheduled.ts";
import { approvalWords, governedOf, judge } from "../governance.ts";
import { moveChange } from "../store/change.ts";
import { appendEvents } from "../store/event.ts";
import { noteStartWaits, startTimes } from "../store/start.ts";
import { type Ask, withVerb } from "./context.ts";

/** One principal agrees to the plan as it is; with the last one that its rules ask for, the change begins or waits for its time. */
export async function approve(deps: ChangeDeps, ask: Ask, body: VerbBody<"approve">): Promise<void> {
  await withVerb(deps, { ask, action: "approve" }, async ({ tx, change, by }) => {
    const { due, expired } = await startTimes(tx, change.id);
    if (expired) return await moveChange(tx, change, { to: "expired" });
    if (body.planDigest !== undefined && body.planDigest !== change.plan_digest)
      throw new PlatformError("PLAN_CHANGED");
    await deps.governance.approve(tx, governedOf(change), by);
    const data = { action: "approve", planDigest: change.plan_digest, by };
    await appendEvents(tx, change.id, [{ type: "verb", data }]);
    const { approvals } = await judge(deps.governance, tx, { change, at: null });
    if (approvals.length > 0) return await noteStartWaits(tx, change.id, approvalWords(approvals));
    if (!due) {
      return await moveChange(tx, change, {
        to: "scheduled",
        waitingFor: say("wait.time", { at: String(change.start_at) }),
        by,
      });
    }
    await beginDue(deps, tx, { change, by });
  });
}

/** Sends a change back to be planned anew. */
export async function reject(deps: ChangeDeps, ask: Ask, { reason }: VerbBody<"reject">): Promise<void> {
  await withVerb(deps, { ask, action: "reject" }, async ({ tx, change, by }) => {
    await deps.governance.voidApprovals(tx, change.id);
    await moveChange(tx, change, { to: "planned", problem: problemOf("CHANGE_REJECTED", { by, reason }), by, reason });
  });
}
