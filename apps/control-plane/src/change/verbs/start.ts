import type { VerbBody } from "@evenkeel/contracts/change";
import { asError, PlatformError } from "@evenkeel/contracts/error";
import type { ChangeId } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import type { Transaction } from "kysely";
import type { Database } from "../../database.ts";
import type { ChangeDeps } from "../deps.ts";
import { begin, waitWords } from "../execute/begin.ts";
import { approvalWords, type Judgement, judge } from "../governance.ts";
import { moveChange } from "../store/change.ts";
import { appendEvents } from "../store/event.ts";
import { startTimes, storeStart } from "../store/start.ts";
import { type Ask, mustMay, type VerbContext, withVerb } from "./context.ts";

type Body = VerbBody<"start">;

/** Starts a planned change: now, at a time, when it is approved, or when what it needs is free. */
export async function start(deps: ChangeDeps, ask: Ask, body: Body): Promise<void> {
  await withVerb(deps, { ask, action: "start" }, async (context) => {
    const { tx } = context;
    const { at = null, expiresAt = null, wait = false, emergency = false, reason } = body;
    await storeStart(tx, context.change, { at, expiresAt, emergency, reason });
    const change = { ...context.change, emergency };
    await refuseTooLate(tx, change.id, { at, expiresAt });
    const judgement = await judge(deps.governance, tx, { change, at });
    if (judgement.refusal !== null) throw asError(judgement.refusal);
    // Who does not want to wait is told now, be it of a start that he plans for later.
    if (judgement.shut !== null && !wait) throw asError(judgement.shut);
    if (emergency) await recordEmergency(deps, context, { body, judgement });
    await setOff(deps, { ...context, change }, { body, judgement });
  });
}

/** Where the change goes that no rule refuses. */
async function setOff(deps: ChangeDeps, { tx, change, by }: VerbContext, { body, judgement }: Passing): Promise<void> {
  const { shut, approvals } = judgement;
  if (approvals.length > 0) {
    return await moveChange(tx, change, { to: "awaiting-approval", waitingFor: approvalWords(approvals), by });
  }
  if (body.at !== undefined) {
    const { at, expiresAt: end } = body;
    const waitingFor = end === undefined ? say("wait.time", { at }) : say("wait.time-or-end", { at, end });
    return await moveChange(tx, change, { to: "scheduled", waitingFor, by });
  }
  const beginning = await begin(deps, tx, { change, by, shut });
  if (beginning.kind === "running") return;
  if (beginning.kind === "moved" || body.wait !== true) throw asError(beginning.refusal);
  await moveChange(tx, change, { to: "scheduled", waitingFor: waitWords(beginning.refusal), by });
}

interface Passing {
  readonly body: Body;
  readonly judgement: Judgement;
}

/** Past the rules, and from then on waiting for its review. */
async function recordEmergency(deps: ChangeDeps, context: VerbContext, passing: Passing): Promise<void> {
  const { tx, change, by } = context;
  const { reason } = passing.body;
  const { waived } = passing.judgement;
  mustMay(context, "change:emergency");
  if (reason === undefined)
    throw new PlatformError("INPUT_INVALID", { field: "reason", problem: say("why.emergency-reason") });
  await deps.governance.recordEmergency(tx, { tenantId: change.tenant_id, changeId: change.id, by, reason, waived });
  await appendEvents(tx, change.id, [{ type: "verb", data: { action: "start", emergency: true, reason, waived, by } }]);
}

/** A start that could never come is told now, by the database's clock. */
async function refuseTooLate(
  tx: Transaction<Database>,
  changeId: ChangeId,
  { at, expiresAt }: { readonly at: string | null; readonly expiresAt: string | null },
): Promise<void> {
  if (expiresAt === null) return;
  if (at !== null && Date.parse(expiresAt) <= Date.parse(at)) {
    throw new PlatformError("INPUT_INVALID", {
      problem: `expiresAt: ${say("input.ends-before", { end: expiresAt, at })}`,
    });
  }
  const { expired } = await startTimes(tx, changeId);
  if (expired)
    throw new PlatformError("INPUT_INVALID", { problem: `expiresAt: ${say("input.over", { end: expiresAt })}` });
}
