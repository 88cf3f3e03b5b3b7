import { readdirSync } from "node:fs";
import { registerHooks } from "node:module";
import { join } from "node:path";
import type { IModule } from "dependency-cruiser";
import { CRUISE_OPTIONS, type ImportRule, PURITY, RULES } from "./import-rules.ts";
import { isTestSource } from "./source-rules.ts";

// dependency-cruiser reads TypeScript through the compiler's API, which TypeScript 7 does not have: with it, it would
// find no modules and report that all is well.
registerHooks({
  resolve: (specifier, context, next) => next(specifier.replace(/^typescript(?=\/|$)/, "typescript-6"), context),
});
const { cruise } = await import("dependency-cruiser");

const FIXTURES = join(import.meta.dirname, "fixtures", "imports");

export interface Violation {
  rule: string;
  from: string;
  to: string;
  comment: string;
}

/** The rules by name; the rungs of the ladder count as one. */
export const RULE_NAMES: readonly string[] = [...new Set(RULES.map((rule) => shortName(rule.name))), PURITY.name];

export function fixtureNames(): string[] {
  return readdirSync(FIXTURES).sort();
}

/** What the rules say of the modules below a folder, and how many modules each rule looked at. */
export async function cruiseFolder(
  base: string,
  folders: readonly string[],
): Promise<{ checked: Map<string, number>; violations: Violation[] }> {
  const { exclude, ...options } = CRUISE_OPTIONS;
  const result = await cruise([...folders], {
    ...options,
    ...(base.startsWith(FIXTURES) ? {} : { exclude }),
    baseDir: base,
    ruleSet: { forbidden: [...RULES] },
    validate: true,
  });
  if (typeof result.output === "string")
    throw new Error("dependency-cruiser returned a text where modules were expected");
  const sources = result.output.modules.map((module) => module.source).filter((path) => !path.includes("node_modules"));
  const checked = new Map<string, number>(RULE_NAMES.map((rule) => [rule, 0]));
  for (const rule of RULES) {
    const name = shortName(rule.name);
    checked.set(name, (checked.get(name) ?? 0) + sources.filter((path) => appliesTo(rule.from, path)).length);
  }
  const comments = new Map(RULES.map((rule) => [rule.name, rule.comment]));
  const violations = result.output.summary.violations.map(({ rule, from, to }) => ({
    rule: rule.name,
    from,
    to,
    comment: comments.get(rule.name) ?? "",
  }));
  const purity = checkPurity(result.output.modules);
  checked.set(PURITY.name, purity.checked);
  return { checked, violations: [...violations, ...purity.violations] };
}

function checkPurity(modules: readonly IModule[]): { checked: number; violations: Violation[] } {
  const loads = new Map(
    modules.map(({ source, dependencies }) => [
      source,
      dependencies
        .filter(({ dependencyTypes }) => !dependencyTypes.includes("type-only"))
        .map(({ resolved }) => resolved),
    ]),
  );
  const pure = modules.map(({ source }) => source).filter((path) => PURITY.from.test(path) && !isTestSource(path));
  const violations = pure.flatMap((from) =>
    [...reachable(from, loads)]
      .filter((to) => !PURITY.mayLoad.test(to))
      .map((to) => ({ rule: PURITY.name, from, to, comment: PURITY.comment })),
  );
  return { checked: pure.length, violations };
}

/** Everything that is loaded with this file; what a forbidden file loads in turn adds nothing to the story. */
function reachable(from: string, loads: ReadonlyMap<string, readonly string[]>): Set<string> {
  const seen = new Set<string>();
  const next = [from];
  for (let path = next.pop(); path !== undefined; path = next.pop()) {
    if (path !== from && !PURITY.mayLoad.test(path)) continue;
    for (const loaded of loads.get(path) ?? []) {
      if (seen.has(loaded)) continue;
      seen.add(loaded);
      next.push(loaded);
    }
  }
  return seen;
}

/** Why this fixture does not show that its rule bites, or nothing. */
export async function checkFixture(name: string): Promise<string | undefined> {
  const { violations } = await cruiseFolder(join(FIXTURES, name), ["."]);
  const found = [...new Set(violations.map((violation) => shortName(violation.rule)))].sort();
  if (found.length === 1 && found[0] === name) return undefined;
  return `the fixture ${name} should be refused by that rule alone, and was refused by ${found.join(", ") || "none"}`;
}

function shortName(rule: string): string {
  return rule.startsWith("import-ladder-") ? "import-ladder" : rule;
}

function appliesTo(from: ImportRule["from"], path: string): boolean {
  const matches = (patterns: string | string[] | undefined): boolean =>
    [patterns ?? []].flat().some((pattern) => new RegExp(pattern).test(path));
  return (from.path === undefined || matches(from.path)) && !matches(from.pathNot);
}
