import { globSync } from "node:fs";
import { join } from "node:path";

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

export interface Group {
  name: string;
  /** Debian packages that this group needs; brought where the tests run as root on Debian. */
  packages: readonly string[];
  command: readonly [string, ...string[]];
  /** The test files of this group; absent where it is one check. */
  files?: readonly string[];
}

const UNIT = ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts", "tools/**/*.test.ts"];
const E2E = ["e2e/**/*.test.ts"];

/** All groups in order, or those that the names choose. */
export function chosenGroups(root: string, names: readonly string[]): Group[] {
  const groups = allGroups(root);
  if (names.length === 0) return groups;
  const byName = groups.filter((group) => names.some((name) => group.name.includes(name)));
  if (byName.length > 0) return byName;
  return groups
    .map((group) => withFiles(group, group.files?.filter((file) => names.some((name) => file.includes(name))) ?? []))
    .filter((group) => group.files?.length);
}

function allGroups(root: string): Group[] {
  const bin = (file: string): string => join(root, "node_modules", file);
  const check = (name: string, script: string, ...args: string[]): Group => ({
    name,
    packages: [],
    command: [process.execPath, script, ...args],
  });
  const tests = (name: string, patterns: string[]): Omit<Group, "files"> & { files: string[] } => ({
    name,
    packages: ["postgresql", "iproute2"],
    command: [process.execPath, bin("vitest/vitest.mjs"), "run", "--project", name],
    files: globSync(patterns, { cwd: root, exclude: ["**/node_modules/**", "tools/fixtures/**"] }).sort(),
  });
  return [
    check("format and lint", bin("@biomejs/biome/bin/biome"), "ci", "--error-on-warnings", "."),
    check("types", bin("typescript/bin/tsc"), "-p", root),
    check("imports", "tools/check-imports.ts"),
    check("sizes", "tools/check-sizes.ts"),
    check("words", "tools/check-words.ts"),
    check("dead code", bin("knip/bin/knip.js"), "--no-progress"),
    tests("unit", UNIT),
    tests("e2e", E2E),
  ];
}

function withFiles(group: Group, files: readonly string[]): Group {
  return { ...group, files, command: [...group.command, ...files] };
}
