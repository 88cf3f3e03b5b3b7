import { queries } from "../connection.ts";

/** One for both ways: what it tells it does not hear itself. */
const channel = new BroadcastChannel("evenkeel session");

/** Somebody has logged in or out here: that holds for the windows beside this one too. */
export const tellOtherWindows = (): void => channel.postMessage("changed");

/** Nothing of what a person saw stays in any window once he has logged out in one; and where the way in stands, a login elsewhere is enough. */
export function heedOtherWindows(): void {
  channel.onmessage = () => void queries.invalidateQueries({ queryKey: ["me"] });
}
