import { expect, test } from "vitest";
import { isDue, type Reading } from "./heap-samples.ts";

const MB = 1024 ** 2;
const reading: Reading = { at: 0, tookMs: 50, aliveBytes: 100 * MB, bytes: new Map(), stillOver: new Set() };
const quiet = { ms: 5000, windows: 5, aliveBytes: 100 * MB, usedBytes: 100 * MB };
const one = [{ key: "one@1.0.0", mostMb: 20 }];
const having = (mb: number, over: readonly string[] = []): Reading => {
  return { ...reading, bytes: new Map([["one@1.0.0", mb * MB]]), stillOver: new Set(over) };
};

test("what has not grown is not read, but now and then", () => {
  expect(isDue(reading, one, quiet)).toBe(false);
  expect(isDue(reading, one, { ...quiet, ms: 49_000 })).toBe(false);
  expect(isDue(reading, one, { ...quiet, ms: 51_000 })).toBe(true);
  expect(isDue({ ...reading, tookMs: 0 }, one, { ...quiet, ms: 9000 })).toBe(false);
});

test("what lives and fills the room of a module is read at once, what may be garbage less often", () => {
  expect(isDue(reading, one, { ...quiet, aliveBytes: 121 * MB })).toBe(true);
  expect(isDue(having(15), one, { ...quiet, aliveBytes: 106 * MB })).toBe(true);
  expect(isDue(having(15), one, { ...quiet, aliveBytes: 104 * MB })).toBe(false);
  const grown = { ...quiet, usedBytes: 121 * MB };
  expect(isDue(reading, one, grown)).toBe(false);
  expect(isDue(reading, one, { ...grown, ms: 16_000 })).toBe(true);
  expect(isDue({ ...reading, tookMs: 0 }, one, grown)).toBe(true);
});

test("a module that is over is read again before it is acted upon, when it may have twice as much, and when so much is gone that it may be below", () => {
  expect(isDue(having(25), one, { ...quiet, windows: 1 })).toBe(false);
  expect(isDue(having(25), one, { ...quiet, windows: 2 })).toBe(true);
  expect(isDue(having(25), one, { ...quiet, windows: 1, usedBytes: 121 * MB })).toBe(true);
  expect(isDue(having(25, ["one@1.0.0"]), one, { ...quiet, windows: 2 })).toBe(false);
  expect(isDue(having(25, ["one@1.0.0"]), one, { ...quiet, aliveBytes: 96 * MB })).toBe(false);
  expect(isDue(having(25, ["one@1.0.0"]), one, { ...quiet, aliveBytes: 94 * MB })).toBe(true);
});
