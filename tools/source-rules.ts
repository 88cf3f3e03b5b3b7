interface SourceRule {
  name: string;
  path: RegExp;
  except?: RegExp;
  pattern: RegExp;
  why: string;
}

const RULES: readonly SourceRule[] = [
  {
    name: "pure-files-stay-pure",
    path: /^apps\/control-plane\/src\/[^/]+\/(?:state|plan|inverse|strategy|guard|show)(?:\.ts$|\/)/,
    pattern:
      /\b(?:Date\.now|Math\.random|performance\.now|random(?:UUID|Bytes|Int)|process\.|setTimeout|setInterval)\b|\bnew Date\(\)|\bfetch\(/,
    why: "what decides sees values alone: the clock, chance and the world come in as parameters",
  },
  {
    name: "sql-only-in-store",
    path: /^apps\/control-plane\/src\//,
    except: /^apps\/control-plane\/src\/[^/]+\/store(?:\.ts$|\/|-)/,
    pattern: /\.(?:selectFrom|insertInto|updateTable|deleteFrom|mergeInto|with)\(\s*["'(]|\bsql(?:<[^`]*>)?`/,
    why: "who looks for a query looks into store.ts",
  },
  {
    name: "kernel-knows-no-kind",
    path: /^apps\/control-plane\/src\/change\//,
    pattern: /["'`](?:[a-z]+-order|route-change|module-release|module-operation)\b/,
    why: "a new kind of change must not touch the kernel",
  },
];

/** What this source says that its place forbids, one line each. Tests may say what they test. */
export function findForbiddenSource(path: string, text: string): string[] {
  if (isTestSource(path)) return [];
  const rules = RULES.filter((rule) => rule.path.test(path) && !rule.except?.test(path));
  return rules.flatMap(({ name, pattern, why }) =>
    text.split("\n").flatMap((line, index) => {
      const hit = /^\s*(?:\/\/|\*|\/\*)/.test(line) ? null : pattern.exec(line);
      return hit ? [`${name}: ${path}:${index + 1} says ${hit[0]}: ${why}`] : [];
    }),
  );
}

/** Tests, and what only tests load. */
export function isTestSource(path: string): boolean {
  return /(?:\.test|\/testing)\.ts$/.test(path);
}
