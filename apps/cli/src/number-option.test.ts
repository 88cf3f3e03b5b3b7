import { expect, test } from "vitest";
import { numberOf } from "./number-option.ts";

test.each(["", " ", "abc", "3x", "Infinity", "NaN"])("the option %j is no number, and is refused", (text) => {
  expect(() => numberOf(text)).toThrow("It must be a number.");
});

test.each([
  ["3", 3],
  ["0.5", 0.5],
  ["-1", -1],
])("the option %s is a number", (text, value) => {
  expect(numberOf(text)).toBe(value);
});
