import type { VerbBody } from "@evenkeel/contracts/change";
import { asError, errorTitle } from "@evenkeel/contracts/error";
import type { ChangeDeps } from "../deps.ts";
import { begin } from "../execute/begin.ts";
import { moveChange } from "../store/change.ts";
import { storeStart } from "../store/start.ts";
import { type Ask, withVerb } from "./context.ts";

/** Starts a planned change: now, at a time, or when what it needs is free. */
export async function start(deps: ChangeDeps, ask: Ask, body: VerbBody<"start">): Promise<void> {
  await withVerb(deps, { ask, action: "start" }, async ({ tx, change, by }) => {
    const { at = null, expiresAt = null, wait = false, reason } = body;
    await storeStart(tx, change.id, { at, expiresAt, reason });
    if (at !== null) {
      return await moveChange(tx, change, { to: "scheduled", waitingFor: `its time, ${at}`, by });
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
