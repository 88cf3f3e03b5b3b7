import { expect, test } from "vitest";
import { findWords } from "./words.ts";

test.each([
  ["a path below a home folder", 'const file = "/home/ann/evenkeel/x.ts";', "machine-path"],
  ["a path below root's home", "cd /root/evenkeel", "machine-path"],
  ["the address of a registry", "npm config set registry https://registry.npmjs.org/", "registry-host"],
  ["a download address in the lock file", '"resolved": "https://example.org/a.tgz"', "lock-address"],
  ["a TODO without an issue", "// TODO later", "todo-without-issue"],
])("%s is refused", (_what, text, rule) => {
  expect(findWords("docs/a.md", `fine\n${text}\n`)).toEqual([
    expect.stringMatching(new RegExp(`^docs/a.md:2: ${rule} `)),
  ]);
});

test.each([
  ["a path every Linux has", "/etc/passwd and /proc/1/stat and /var/lib/evenkeel"],
  ["a path inside the project", "apps/agent/src/work/home/x.ts"],
  ["a placeholder", "/home/<name>/evenkeel and ~/evenkeel and $HOME/work/x"],
  ["a TODO with its issue", "// TODO(#12) later"],
])("%s is fine", (_what, text) => {
  expect(findWords("docs/a.md", text)).toEqual([]);
});

test("a file called after nothing is refused", () => {
  expect(findWords("packages/kit/src/string-utils.ts", "")).toEqual([expect.stringContaining("filler-name")]);
  expect(findWords("packages/kit/src/shutdown.ts", "")).toEqual([]);
});
