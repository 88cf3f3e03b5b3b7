/** What each module is held to; whose number is lowest is told apart soonest. */
export type Policy = Readonly<
  Record<string, { readonly most: number; readonly interrupt: boolean; readonly serial: number }>
>;

/** A loop that stands still is looked at after so long, whatever modules are held to. */
const ANYHOW_MS = 1000;
const FINEST_MS = 10;
/** As good as nothing: twenty times a second on each of two threads. */
const IDLE_MS = 50;

/** What the look takes, in ms: its answer is there when the limit is. */
const LOOK_TAKES_MS = 50;

const lowest = (policy: Policy): number => Math.min(ANYHOW_MS, ...Object.values(policy).map(({ most }) => most));

/** How long the loop may stand still before somebody looks what runs there, in ms. */
export const lookAfterMs = (policy: Policy): number => {
  const most = lowest(policy);
  return Math.max(most / 2, most - LOOK_TAKES_MS);
};

/** How often the loop beats and is watched, in ms: fine enough for the lowest limit, since each beat wakes a processor. */
export const paceMs = (policy: Policy): number => Math.min(IDLE_MS, Math.max(FINEST_MS, lowest(policy) / 20));
