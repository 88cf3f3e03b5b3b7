import type { VerbBody } from "@evenkeel/contracts/change";
import { asError, errorTitle, PlatformError } from "@evenkeel/contracts/error";
import type { ChangeId } from "@evenkeel/contracts/id";
import type { Transaction } from "kysely";
import type { Database } from "../../database.ts";
import type { ChangeDeps } from "../deps.ts";
import { begin } from "../execute/begin.ts";
import { moveChange } from "../store/change.ts";
import { startTimes, storeStart } from "../store/start.ts";
import { type Ask, withVerb } from "./context.ts";

/** Starts a planned change: now, at a time, or when what it needs is free. */
export async function start(deps: ChangeDeps, ask: Ask, body: VerbBody<"start">): Promise<void> {
  await withVerb(deps, { ask, action: "start" }, async ({ tx, change, by }) => {
    const { at = null, expiresAt = null, wait = false, reason } = body;
    await storeStart(tx, change.id, { at, expiresAt, reason });
    await refuseTooLate(tx, change.id, { at, expiresAt });
    if (at !== null) {
      const until = expiresAt === null ? "" : `, or its end at ${expiresAt}`;
      return await moveChange(tx, change, { to: "scheduled", waitingFor: `its time, ${at}${until}`, by });
    }
    const beginning = await begin(deps, tx, { change, by });
    if (beginning.kind === "running") return;
    if (beginning.kind === "locked" && wait) {
      const waitingFor = errorTitle(beginning.refusal.refused, beginning.refusal.facts);
      return await moveChange(tx, change, { to: "scheduled", waitingFor, by });
    }
    throw asError(beginning.refusal);
  });
}

/** A start that could never come is told now, by the database's clock. */
async function refuseTooLate(
  tx: Transaction<Database>,
  changeId: ChangeId,
  { at, expiresAt }: { readonly at: string | null; readonly expiresAt: string | null },
): Promise<void> {
  if (expiresAt === null) return;
  if (at !== null && Date.parse(expiresAt) <= Date.parse(at)) {
    throw new PlatformError("INPUT_INVALID", { problem: `expiresAt: ${expiresAt} is not after at, ${at}` });
  }
  const { expired } = await startTimes(tx, changeId);
  if (expired) throw new PlatformError("INPUT_INVALID", { problem: `expiresAt: ${expiresAt} is over already` });
}
