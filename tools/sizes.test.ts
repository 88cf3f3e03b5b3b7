import { expect, test } from "vitest";
import { findExcess } from "./sizes.ts";

const body = (lines: number): string => "  step();\n".repeat(lines);

test("a function of 60 lines passes and one of 61 is named with its place", () => {
  expect(findExcess("a.ts", `function fits() {\n${body(58)}}\n`)).toEqual([]);
  expect(findExcess("a.ts", `\nconst long = () => {\n${body(59)}};\n`)).toEqual([
    { path: "a.ts", line: 2, lines: 61, limit: 60, functionName: "long" },
  ]);
});

test("a long test is too long, but the suite around short tests is not", () => {
  const suite = (inner: string): string => `describe("a", () => {\n${inner}});\n`;
  expect(findExcess("a.test.ts", suite(`test("b", () => {\n${body(5)}});\n`.repeat(12)))).toEqual([]);
  expect(findExcess("a.test.ts", suite(`test("b", () => {\n${body(60)}});\n`))).toMatchObject([
    { functionName: "b", lines: 62 },
  ]);
});

test("a file of 401 lines is too long", () => {
  expect(findExcess("a.ts", "one();\n".repeat(400))).toEqual([]);
  expect(findExcess("a.ts", "one();\n".repeat(401))).toEqual([{ path: "a.ts", line: 1, lines: 401, limit: 400 }]);
});
