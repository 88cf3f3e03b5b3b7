import type { VerbBody } from "@evenkeel/contracts/change";
import { asError, errorTitle } from "@evenkeel/contracts/error";
import type { ChangeDeps } from "../deps.ts";
import { begin } from "../execute/begin.ts";
import { moveChange } from "../store/change.ts";
import { releaseLocks } from "../store/lock.ts";
import { type Ask, withVerb } from "./context.ts";

/** Starts a planned change: now, at a time, or when what it needs is free. */
export async function start(deps: ChangeDeps, ask: Ask, body: VerbBody<"start">): Promise<void> {
  await withVerb(deps, { ask, action: "start" }, async ({ tx, change, by }) => {
    await tx
      .updateTable("change")
      .set({
        start_at: body.at ?? null,
        expires_at: body.expiresAt ?? null,
        start_wait: body.wait ?? false,
        ...(body.reason === undefined ? {} : { reason: body.reason }),
      })
      .where("id", "=", change.id)
      .execute();
    if (body.at !== undefined) {
      return await moveChange(tx, change, { to: "scheduled", waitingFor: `its time, ${body.at}`, by });
    }
    const beginning = await begin(deps, tx, { change, by });
    if (beginning.kind === "running") return;
    if (beginning.kind === "locked" && body.wait === true) {
      await releaseLocks(tx, change.id);
      const waitingFor = errorTitle(beginning.refusal.refused, beginning.refusal.facts);
      return await moveChange(tx, change, { to: "scheduled", waitingFor, by });
    }
    throw asError(beginning.refusal);
  });
}
