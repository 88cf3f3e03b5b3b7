import { expect, test } from "vitest";
import { type Outcome, secondRunOf, verdictOf } from "./test-outcome.ts";

const outcome = (failed: readonly string[], passed = 10): Outcome => ({
  passed,
  failed: failed.length,
  skipped: 1,
  failures: failed.map((file) => ({ file, line: "says no" })),
});

test("files that failed are run again, but not many of them, nor after an error outside of any test", () => {
  expect(secondRunOf(outcome([]))).toEqual([]);
  expect(secondRunOf(outcome(["a", "b", "a"]))).toEqual(["a", "b"]);
  expect(secondRunOf(outcome(["a", "b", "c", "d", "e"]))).toEqual([]);
  expect(secondRunOf(outcome(["a", ""]))).toEqual([]);
});

test("what fails once stands in the verdict by its name; what fails twice has failed", () => {
  expect(verdictOf(outcome(["a"]))).toMatchObject({ failed: 1, remarks: ["a: says no"] });
  expect(verdictOf(outcome(["a", "b"]), outcome(["b"], 3))).toEqual({
    passed: 11,
    failed: 1,
    skipped: 1,
    remarks: ["b: says no", "a: says no – at first; not when it ran alone"],
  });
  expect(verdictOf(outcome(["a"]), outcome(["b"]))).toMatchObject({ passed: 10, failed: 1 });
});
