import { expect, test } from "vitest";
import { type Flying, InFlight } from "./in-flight.ts";

function fly(inFlight: InFlight, names: string, cut: string[]): Map<string, Flying> {
  const all = new Map<string, Flying>();
  for (const name of names) {
    const one: Flying = {
      place: -1,
      cut: () => {
        cut.push(name);
        inFlight.delete(one);
      },
    };
    inFlight.add(one);
    all.set(name, one);
  }
  return all;
}

test("whoever leaves is gone, once, and the others stay", () => {
  const inFlight = new InFlight();
  const cut: string[] = [];
  const all = fly(inFlight, "abcde", cut);
  for (const name of "bebx") {
    const one = all.get(name);
    if (one !== undefined) inFlight.delete(one);
  }
  expect(inFlight.size).toBe(3);
  const again = all.get("b") as Flying;
  inFlight.add(again);
  inFlight.delete(all.get("e") as Flying);
  expect(inFlight.size).toBe(4);
  inFlight.cut();
  expect(cut.sort()).toEqual(["a", "b", "c", "d"]);
  expect(inFlight.size).toBe(0);
});
