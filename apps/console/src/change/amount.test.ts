import { expect, test } from "vitest";
import { wordsOf } from "../locale/index.tsx";
import { doneText } from "./amount.ts";

const english = wordsOf("en", () => undefined);
const none = { failed: 0, running: 0, pending: 0, skipped: 0, offline: 0, unknown: 0 };
const counts = (total: number, moves: number, succeeded: number) => ({ ...none, total, moves, succeeded });

test.each([
  ["release-order", counts(1, 0, 0), "0 of 1 host"],
  ["release-order", { ...counts(4, 0, 2), skipped: 1 }, "3 of 4 hosts"],
  ["route-change", counts(3, 3, 1), "1 of 3 traffic steps"],
  ["release-order", counts(5, 1, 4), "4 of 5 (4 hosts, 1 traffic step)"],
  ["release-order", { ...counts(5, 0, 4), moves: null }, "4 of 5 targets"],
  ["release-order", { ...counts(1, 0, 1), moves: null }, "1 of 1 target"],
  ["module-release", counts(2, 0, 2), "2 of 2 bases"],
])("what is counted of a %s is called what it is: %o", (kind, of, text) => {
  expect(doneText(english, kind, of)).toBe(text);
});
