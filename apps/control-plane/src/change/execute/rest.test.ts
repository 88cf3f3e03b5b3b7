import { expect, test } from "vitest";
import { restMs } from "./rest.ts";

test.each([
  { tookMs: 400, targets: 1, rests: 0 },
  { tookMs: 5000, targets: 3, rests: 0 },
  { tookMs: 400, targets: 100, rests: 25 },
  { tookMs: 400, targets: 2000, rests: 400 },
  { tookMs: 5000, targets: 10_000, rests: 500 },
  { tookMs: 49, targets: 10_000, rests: 0 },
])("after a look of $tookMs ms at $targets targets a worker gathers for $rests ms", ({ rests, ...look }) => {
  expect(restMs(look)).toBe(rests);
});
