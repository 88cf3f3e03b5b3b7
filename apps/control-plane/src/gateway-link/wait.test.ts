import { expect, test } from "vitest";
import { type Wait, waitFor } from "./wait.ts";

/** Seconds and how many are silent then → until which second more are waited for. */
function untilSeconds(...looks: readonly (readonly [atSeconds: number, silent: number])[]): (number | null)[] {
  let wait: Wait | undefined;
  return looks.map(([atSeconds, silent]) => {
    wait = waitFor(silent, wait, atSeconds * 1000) ?? undefined;
    return wait === undefined ? null : wait.untilMs / 1000;
  });
}

test("as long as one host after the other comes back the next is waited for", () => {
  expect(untilSeconds([0, 9000], [25, 5000], [50, 1])).toEqual([30, 55, 80]);
});
test("one that is gone for good is waited for no longer because people ask again", () => {
  expect(untilSeconds([0, 2], [10, 1], [20, 1], [41, 1])).toEqual([30, 40, 40, 40]);
});
test("nobody is waited for once all have spoken", () => {
  expect(untilSeconds([0, 1], [1, 0])).toEqual([30, null]);
});
