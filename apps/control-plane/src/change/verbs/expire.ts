import type { ChangeDeps } from "../deps.ts";
import { finish } from "../execute/apply.ts";
import { CHANGE_ARROWS, mayGo } from "../state.ts";
import { moveChange } from "../store/change.ts";
import { type Ask, withVerb } from "./context.ts";

/** Ends a change that has not begun, because another takes its place; one that has begun since goes on. */
export async function expire(deps: ChangeDeps, ask: Ask, reason: string): Promise<void> {
  await withVerb(deps, { ask, action: "cancel" }, async ({ tx, change, snapshot, by }) => {
    if (!mayGo(CHANGE_ARROWS, change.state, "expired")) return;
    await moveChange(tx, change, { to: "expired", by, reason });
    await finish(deps, { tx, change, snapshot }, "expired");
  });
}
