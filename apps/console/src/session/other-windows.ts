import { queries } from "../connection.ts";

const NAME = "evenkeel session";

/** Somebody has logged in or out here: that holds for the windows beside this one too. */
export function tellOtherWindows(): void {
  const channel = new BroadcastChannel(NAME);
  channel.postMessage("changed");
  channel.close();
}

/** Nothing of what a person saw stays in any window once he has logged out in one; and where the way in stands, a login elsewhere is enough. */
export function heedOtherWindows(): void {
  new BroadcastChannel(NAME).onmessage = () => void queries.invalidateQueries({ queryKey: ["me"] });
}
