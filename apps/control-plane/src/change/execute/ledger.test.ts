import { expect, test } from "vitest";
import { chargesSince, type Ledger, settleLedger } from "./ledger.ts";

/** Looks at a bake at these moments, each look lasting `lookMs`; answers with all that was charged. */
function bake(moments: readonly number[], lookMs: number): number {
  let ledger: Ledger = new Map();
  let total = 0;
  for (const nowMs of moments) {
    const charges = chargesSince(ledger, ["batch"], nowMs);
    total += charges.reduce((sum, { ms }) => sum + ms, 0);
    ledger = settleLedger(ledger, { charges, waiting: ["batch"], endMs: nowMs + lookMs });
  }
  return total;
}

test("what begins during a look is charged from its end on: a bake never ends early", () => {
  expect(bake([0, 1000], 100)).toBe(900);
});

test("looks that take long or come without a pause lose no time", () => {
  const often = Array.from({ length: 10_001 }, (_, index) => index * 0.3);
  expect(bake(often, 0.3)).toBe(2999);
  expect(bake([0, 1000, 2000, 3000], 900)).toBe(2100);
});

test("what stopped waiting and waits again does not get the time between", () => {
  const first = settleLedger(new Map(), { charges: [], waiting: ["batch"], endMs: 0 });
  const paused = settleLedger(first, { charges: [], waiting: [], endMs: 500 });
  expect(chargesSince(paused, ["batch"], 5000)).toEqual([]);
});
