import { expect, test } from "vitest";
import { LocalTime } from "./window.ts";

test.each([
  ["2026-02-28T00:00", true],
  ["2028-02-29T23:59", true],
  ["2026-02-29T00:00", false],
  ["2026-02-30T00:00", false],
  ["2026-04-31T12:00", false],
  ["2026-04-30T24:00", false],
  ["2026-4-3T12:00", false],
])("%s is a moment on a wall clock: %j", (text, is) => {
  // A day that does not exist would otherwise be another one.
  expect(LocalTime.safeParse(text).success).toBe(is);
});
