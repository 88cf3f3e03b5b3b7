import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { chosenGroups } from "./test-groups.ts";

const ROOT = join(import.meta.dirname, "..");
const names = (chosen: readonly string[]): string[] => chosenGroups(ROOT, chosen).map((group) => group.name);

test("without a name every check runs before the tests, and the journeys come last", () => {
  expect(names([])).toEqual([
    "format and lint",
    "types",
    "types of the console",
    "syntax",
    "imports",
    "sizes",
    "words",
    "dead code",
    "unit",
    "e2e",
  ]);
});

test("names of groups and of files may be mixed", () => {
  expect(chosenGroups(ROOT, ["types", "tools/test-groups"])).toMatchObject([
    { name: "types" },
    { name: "types of the console" },
    { name: "unit", files: ["tools/test-groups.test.ts"] },
  ]);
});

test("a name chooses the groups called so, else the test files whose path holds it", () => {
  expect(names(["types", "words"])).toEqual(["types", "types of the console", "words"]);
  expect(chosenGroups(ROOT, ["tools/test-groups"])).toMatchObject([
    {
      name: "unit",
      files: ["tools/test-groups.test.ts"],
      command: expect.arrayContaining(["tools/test-groups.test.ts"]),
    },
  ]);
});

test("a name that nothing bears is an error, so that a slip of the pen does not pass", () => {
  expect(() => names(["types", "no-such-thing"])).toThrow("No group and no test file is called no-such-thing");
});

test("asked for help it names the groups, and runs nothing", () => {
  const { stdout, status } = spawnSync(process.execPath, [join(ROOT, "tools/test.ts"), "--help"], { encoding: "utf8" });
  expect(status).toBe(0);
  expect(stdout).toMatch(/^Usage: npm test/);
  for (const name of names([])) expect(stdout).toContain(`  ${name}`);
});
