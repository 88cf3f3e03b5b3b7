import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** The files of the project, tracked or about to be: paths from the root, without what git ignores. */
export function projectFiles(root: string): string[] {
  const list = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  return [...new Set(list.split("\0"))].filter((path) => path !== "" && existsSync(join(root, path))).sort();
}

/** Whether style rules hold for this file; fixtures break them on purpose. */
export function isSource(path: string): boolean {
  return /\.(ts|tsx|mjs)$/.test(path) && !path.startsWith("tools/fixtures/");
}
