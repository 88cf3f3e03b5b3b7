import { expect, test } from "vitest";
import { parseSplitFile } from "./split-file.ts";

test("what is not a file of rules and businesses is refused by line and field", () => {
  const refused = (text: string) => () => parseSplitFile(text, "rules.yaml");
  expect(refused("operation: scale\nrules: []")).toThrow("rules.yaml: line 1, operation: there is no such field.");
  expect(refused("businesses: []\nrules: 3")).toThrow("line 2, rules: ");
  expect(refused("")).toThrow("rules.yaml: line 1: neither rules nor businesses.");
  expect(refused("- rules")).toThrow("rules.yaml: line 1: ");
  expect(parseSplitFile("rules: []", "rules.yaml")).toEqual({ rules: [] });
});
