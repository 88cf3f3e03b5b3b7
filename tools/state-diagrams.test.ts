import { expect, test } from "vitest";
import { drawStates, readKernelReadme, withStateDiagrams } from "./print-state-diagrams.ts";

test("the kernel's README shows its states as they are; if not: node tools/print-state-diagrams.ts", () => {
  expect(readKernelReadme()).toBe(withStateDiagrams(readKernelReadme()));
});

test("a diagram has every arrow, its beginnings and its ends", () => {
  expect(drawStates(["new"], { new: ["under-way"], "under-way": ["new", "over"], over: [] }).split("\n")).toEqual([
    "stateDiagram-v2",
    '  state "under-way" as under_way',
    "  [*] --> new",
    "  new --> under_way",
    "  under_way --> new",
    "  under_way --> over",
    "  over --> [*]",
  ]);
});

test("a README without a place for the diagrams is an error", () => {
  expect(() => withStateDiagrams("# change\n")).toThrow(/no place/);
});
