// Node runs the sources with their types stripped, by a parser of its own: what the compiler takes may still not start.
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { isSource, projectFiles } from "./project-files.ts";

const ROOT = join(import.meta.dirname, "..");
// A check that reads next to nothing must not pass.
const FEWEST_FILES = 40;
/** Built for browsers, never run as it stands. */
const BUILT = "apps/console/";

const files = projectFiles(ROOT).filter((path) => isSource(path) && path.endsWith(".ts") && !path.startsWith(BUILT));
const problems = files.flatMap((path) => {
  try {
    stripTypeScriptTypes(readFileSync(join(ROOT, path), "utf8"));
    return [];
  } catch (error) {
    return [`${path}: ${error instanceof Error ? error.message : String(error)}`];
  }
});
if (files.length < FEWEST_FILES) problems.push(`only ${files.length} sources were read, fewer than ${FEWEST_FILES}`);
for (const problem of problems) console.log(problem);
console.log(`${files.length} files, ${problems.length} problems`);
process.exitCode = problems.length > 0 ? 1 : 0;
