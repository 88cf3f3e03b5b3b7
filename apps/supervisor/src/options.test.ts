import { expect, test } from "vitest";
import { isNewer, readOptions } from "./options.ts";

test("the home is what was named, else the environment's, else .evenkeel of the clone", () => {
  expect(readOptions(["up", "--home", "/a"], { EVENKEEL_HOME: "/b" }).home).toBe("/a");
  expect(readOptions(["up"], { EVENKEEL_HOME: "/b" }).home).toBe("/b");
  expect(readOptions(["up", "--tour"], {}).home).toMatch(/\/\.evenkeel$/);
});

test("a single run without a home has a temporary one", () => {
  expect(readOptions(["up", "--tour", "--once"], {}).home).toBeNull();
});

test("an empty start has no tour", () => {
  expect(readOptions(["up", "--tour", "--empty"], {}).tour).toBe(false);
  expect(readOptions(["--tour"], {}).tour).toBe(true);
});

test.each([
  [["up", "--replica", "2"]],
  [["up", "--replicas", "0"]],
  [["up", "--replicas", "two"]],
  [["down"]],
  [["up", "now"]],
])("%j is refused", (args) => {
  expect(() => readOptions(args, {})).toThrow(expect.objectContaining({ code: "INPUT_INVALID" }));
});

test.each([
  ["0.2.0", "0.1.9", true],
  ["0.10.0", "0.9.0", true],
  ["0.1.0", "0.1.0", false],
  ["0.1.0", "0.2.0", false],
  ["1.0", "0.9.9", true],
])("version %s is newer than %s: %s", (a, b, newer) => {
  expect(isNewer(a, b)).toBe(newer);
});
