import { describe, expect, test } from "vitest";
import { dueMs, spending } from "./watch.ts";

describe("repeated looks", () => {
  test("spend no more together than one look would, however many there are", () => {
    for (const looks of [1, 4, 50, 10_000]) {
      let sum = spending(looks + 1, true);
      for (let look = 1; look <= looks; look += 1) sum += spending(look, false);
      expect(sum).toBeLessThanOrEqual(1);
    }
  });

  test("come four to a window at first, later once", () => {
    expect([1, 2, 3, 4, 8, 9, 10].map((look) => dueMs(40_000, look) / 1000)).toEqual([10, 20, 30, 40, 80, 120, 160]);
    expect(dueMs(1000, 1)).toBe(2000);
  });
});
