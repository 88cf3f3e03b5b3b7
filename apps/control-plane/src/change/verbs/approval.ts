import type { ChangeDeps } from "../deps.ts";
import { moveChange } from "../store/change.ts";
import { type Ask, withVerb } from "./context.ts";

/** Answers a change that waits for approval; legal only in that state. */
export async function decideApproval(deps: ChangeDeps, ask: Ask, action: "approve" | "reject"): Promise<void> {
  await withVerb(deps, { ask, action }, async ({ tx, change, by }) => {
    await moveChange(tx, change, { to: action === "approve" ? "scheduled" : "planned", by });
  });
}
