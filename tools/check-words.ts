// Nothing of one machine, one registry or one day stands in the project's files.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectFiles } from "./project-files.ts";
import { findWords } from "./words.ts";

const ROOT = join(import.meta.dirname, "..");
const FEWEST_FILES = 60;
/** Files that must hold such words to do their work: the rules and their tests. */
const EXEMPT: readonly string[] = ["tools/words.ts", "tools/words.test.ts"];

const files = projectFiles(ROOT).filter((path) => !EXEMPT.includes(path));
const problems: string[] = [];
let read = 0;
for (const path of files) {
  const bytes = readFileSync(join(ROOT, path));
  if (bytes.includes(0)) continue;
  read += 1;
  problems.push(...findWords(path, bytes.toString("utf8")));
}
if (read < FEWEST_FILES) problems.push(`only ${read} files were read, fewer than ${FEWEST_FILES}`);
for (const problem of problems) console.log(problem);
console.log(`${read} files, ${problems.length} problems`);
process.exitCode = problems.length > 0 ? 1 : 0;
