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
  /** Whether only some of its files were asked for. */
  narrowed?: boolean;
}

export class UnknownName extends Error {}

const SYSTEM = ["postgresql", "iproute2", "libfaketime", "haproxy", "openssl", "zsh", "fish", "default-jdk-headless"];
const BROWSER = ["chromium", "fonts-noto-cjk"];
const UNIT = ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts", "tools/**/*.test.ts"];
const E2E = ["e2e/**/*.test.ts"];

/** All groups in order, or those that the names choose; a name that chooses nothing is an error. */
export function chosenGroups(root: string, names: readonly string[]): Group[] {
  const groups = allGroups(root);
  if (names.length === 0) return groups;
  const namesGroup = (name: string): boolean => groups.some((group) => group.name.includes(name));
  const fileNames = names.filter((name) => !namesGroup(name));
  for (const name of fileNames) {
    if (!groups.some((group) => group.files?.some((file) => file.includes(name)))) {
      throw new UnknownName(
        `No group and no test file is called ${name}; the groups are ${groups.map((group) => group.name).join(", ")}.`,
      );
    }
  }
  return groups
    .map((group) => {
      if (names.some((name) => group.name.includes(name))) return group;
      return withFiles(group, group.files?.filter((file) => fileNames.some((name) => file.includes(name))) ?? []);
    })
    .filter((group) => !group.narrowed || group.files?.length);
}

/** What `npm test` takes. */
export function usage(root: string): string {
  const files = (group: Group) => (group.files === undefined ? "" : `  ${group.files.length} test files`);
  return [
    "Usage: npm test                 every check and every test",
    "       npm test -- NAME…        the groups whose name holds a NAME, else the test files whose path holds one",
    "",
    "Groups, in their order:",
    ...allGroups(root).map((group) => `  ${group.name.padEnd(22)}${files(group)}`.trimEnd()),
    "",
    "It ends with `N passed, N failed, N skipped`, and with 1 where something failed.",
  ].join("\n");
}

function allGroups(root: string): Group[] {
  const bin = (file: string): string => join(root, "node_modules", file);
  // Left alone, biome colours what goes into a file as well.
  const plain = process.stdout.isTTY ? [] : ["--colors=off"];
  const check = (name: string, script: string, ...args: string[]): Group => ({
    name,
    packages: [],
    command: [process.execPath, script, ...args],
  });
  const tests = (name: string, patterns: string[]): Omit<Group, "files"> & { files: string[] } => ({
    name,
    packages: name === "e2e" ? [...SYSTEM, ...BROWSER] : SYSTEM,
    command: [process.execPath, bin("vitest/vitest.mjs"), "run", "--project", name],
    files: globSync(patterns, { cwd: root, exclude: ["**/node_modules/**", "tools/fixtures/**"] }).sort(),
  });
  return [
    check("format and lint", bin("@biomejs/biome/bin/biome"), "check", "--error-on-warnings", ...plain, "."),
    check("types", bin("typescript/bin/tsc"), "-p", root),
    // Of its own, because it runs in browsers: what they lack must not compile there, nor what servers lack elsewhere.
    check("types of the console", bin("typescript/bin/tsc"), "-p", join(root, "apps/console")),
    check("syntax", "tools/check-strip.ts"),
    check("imports", "tools/check-imports.ts"),
    check("sizes", "tools/check-sizes.ts"),
    check("words", "tools/check-words.ts"),
    check("dead code", bin("knip/bin/knip.js"), "--no-progress", "--no-config-hints"),
    tests("unit", UNIT),
    tests("e2e", E2E),
  ];
}

/** The group, narrowed to these files. */
export function withFiles(group: Group, files: readonly string[]): Group {
  return { ...group, files, narrowed: true, command: [...group.command, ...files] };
}
