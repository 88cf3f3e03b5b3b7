// Files of at most 400 lines, functions of at most 60: smoke alarms, not aims. The exceptions may only shrink.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isSource, projectFiles } from "./project-files.ts";
import { type Excess, findExcess } from "./sizes.ts";

const ROOT = join(import.meta.dirname, "..");
// A check that reads next to nothing must not pass.
const FEWEST_FILES = 40;
/** `path` or `path functionName`. An entry that is no longer needed fails the check. */
const EXCEPTIONS: readonly string[] = [];

const files = projectFiles(ROOT).filter(isSource);
const excess = files.flatMap((path) => findExcess(path, readFileSync(join(ROOT, path), "utf8")));
const key = ({ path, functionName }: Excess): string => (functionName === undefined ? path : `${path} ${functionName}`);
const problems = [
  ...excess
    .filter((found) => !EXCEPTIONS.includes(key(found)))
    .map(
      (found) =>
        `${found.path}:${found.line} ${found.functionName ?? "file"} has ${found.lines} lines, limit ${found.limit}`,
    ),
  ...EXCEPTIONS.filter((entry) => !excess.some((found) => key(found) === entry)).map(
    (entry) => `${entry} is within its limit now: remove it from the exceptions`,
  ),
];
if (files.length < FEWEST_FILES) problems.push(`only ${files.length} sources were read, fewer than ${FEWEST_FILES}`);
for (const problem of problems) console.log(problem);
console.log(`${files.length} files, ${EXCEPTIONS.length} exceptions, ${problems.length} problems`);
process.exitCode = problems.length > 0 ? 1 : 0;
