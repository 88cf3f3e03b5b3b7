// Runs the import rules and the rules on what a source may say over the repository, and each rule over a fixture that it must refuse.
// `--write-floors` stores 60 % of today's counts, for the day when the repository has grown.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkFixture, cruiseFolder, fixtureNames, RULE_NAMES } from "./imports.ts";
import { isSource, projectFiles } from "./project-files.ts";
import { findForbiddenSource } from "./source-rules.ts";

const ROOT = join(import.meta.dirname, "..");
const FLOORS_FILE = join(import.meta.dirname, "import-floors.json");
const FOLDERS = ["packages", "apps", "tools", "e2e", "bench"];

const problems: string[] = [];
const { checked, violations } = await cruiseFolder(ROOT, FOLDERS);
for (const { rule, from, to, comment } of violations) problems.push(`${rule}: ${from} → ${to}\n    ${comment}`);
for (const path of projectFiles(ROOT).filter(isSource)) {
  problems.push(...findForbiddenSource(path, readFileSync(join(ROOT, path), "utf8")));
}

if (process.argv.includes("--write-floors")) {
  const floors = Object.fromEntries([...checked].map(([rule, count]) => [rule, Math.floor(count * 0.6)]));
  writeFileSync(FLOORS_FILE, `${JSON.stringify(floors, null, 2)}\n`);
}
const floors = JSON.parse(readFileSync(FLOORS_FILE, "utf8")) as Record<string, number>;
for (const [rule, count] of checked) {
  const floor = floors[rule] ?? 0;
  console.log(`${String(count).padStart(5)} modules  ${rule}`);
  if (count < floor)
    problems.push(`${rule} looked at ${count} modules, fewer than its floor of ${floor}: does its path still match?`);
}

const fixtures = fixtureNames();
for (const rule of RULE_NAMES)
  if (!fixtures.includes(rule)) problems.push(`${rule} has no fixture in tools/fixtures/imports`);
let refused = 0;
for (const fixture of fixtures) {
  const problem = await checkFixture(fixture);
  if (problem) problems.push(problem);
  else refused += 1;
}
for (const problem of problems) console.log(problem);
console.log(
  `${checked.size} rules, ${refused} of ${fixtures.length} fixtures refused as they must be, ${problems.length} problems`,
);
process.exitCode = problems.length > 0 ? 1 : 0;
