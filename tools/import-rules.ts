// Imports go one way. Each rule says why; tools/check-imports.ts proves with a fixture that each one bites.
// Test files are held to the same rules, but for what their `from` excludes.
import type { ICruiseOptions } from "dependency-cruiser";

const TEST = "(\\.test|/testing)\\.tsx?$";
const SLICE = "^apps/control-plane/src/([^/]+)/";
const KINDS = "([a-z]+-order|route-change|module-release|module-operation)";
const SQL_HOMES = [
  "^apps/control-plane/src/[^/]+/store",
  "^apps/control-plane/migrations/",
  "^apps/control-plane/src/(main|wire|database)[^/]*\\.ts$",
  "^packages/kit/src/(sql|lease|clock|notify)",
  "^packages/(postgres|testkit)/",
  TEST,
];

type Paths = string | string[];

export interface ImportRule {
  name: string;
  severity: "error";
  comment: string;
  from: { path?: Paths; pathNot?: Paths };
  to: {
    path?: Paths;
    pathNot?: Paths;
    circular?: boolean;
    couldNotResolve?: boolean;
    dependencyTypesNot?: ["type-only"];
  };
}

/** Who may import which packages; `tests` says what test files may have besides. */
const LADDER: Readonly<Record<string, readonly string[]>> = {
  contracts: [],
  base: ["contracts"],
  client: ["contracts"],
  kit: ["contracts"],
  "agent-core": ["contracts", "kit"],
  postgres: ["contracts", "kit"],
  load: ["contracts", "kit"],
  testkit: ["agent-core", "base", "client", "contracts", "kit", "load", "postgres"],
  "control-plane": ["contracts", "kit"],
  gateway: ["contracts", "kit"],
  agent: ["agent-core", "contracts", "kit"],
  cli: ["base", "client", "contracts", "kit"],
  console: ["client", "contracts"],
  supervisor: ["client", "contracts", "kit", "load", "postgres"],
};
// A test of a mechanism stands on real parts, which testkit provides; testkit's own ground cannot.
const TESTS_MAY = ["testkit", "postgres", "load", "kit", "client", "contracts"];

function ladder(): ImportRule[] {
  return Object.entries(LADDER).flatMap(([name, allowed]) => {
    const home = `^(packages|apps)/${name}/`;
    const others = (list: readonly string[]): string => `^packages/(${[name, ...list].join("|")})/`;
    const comment =
      `The import ladder: ${name} may import ${allowed.join(", ") || "no other package"}. A package that knows what stands ` +
      "above it can be neither understood nor used without it.";
    const rule = (suffix: string, from: ImportRule["from"], list: readonly string[]): ImportRule => ({
      name: `import-ladder-${name}${suffix}`,
      severity: "error",
      comment,
      from,
      to: { path: "^packages/", pathNot: others(list) },
    });
    return [
      rule("", { path: home, pathNot: TEST }, allowed),
      rule("-tests", { path: `${home}.*${TEST}` }, [...allowed, ...TESTS_MAY]),
    ];
  });
}

export const RULES: readonly ImportRule[] = [
  {
    name: "no-cycle",
    severity: "error",
    comment: "Files in a circle can only be read, tested and moved together.",
    from: {},
    to: { circular: true },
  },
  {
    name: "everything-resolves",
    severity: "error",
    comment: "An import that cannot be followed is one that no other rule sees.",
    from: {},
    to: { couldNotResolve: true },
  },
  {
    name: "apps-do-not-import-apps",
    severity: "error",
    comment: "An app is a process; processes meet over a protocol, whose schema is in contracts.",
    from: { path: "^apps/([^/]+)/" },
    to: { path: "^apps/", pathNot: "^apps/$1/" },
  },
  {
    name: "packages-do-not-import-apps",
    severity: "error",
    comment:
      "Apps are run, never imported: packages, journeys and benchmarks start them as people do. The tool that draws a " +
      "table of an app's pure file reads that table.",
    from: { path: "^(packages|e2e|bench|tools)/", pathNot: "^tools/print-state-diagrams\\.ts$" },
    to: { path: "^apps/" },
  },
  {
    name: "contracts-import-only-the-schema-library",
    severity: "error",
    comment: "The console bundles contracts for the browser, so nothing of Node and no other library may come with it.",
    from: { path: "^packages/contracts/src/", pathNot: TEST },
    to: { pathNot: "^packages/contracts/src/|node_modules/zod/" },
  },
  {
    name: "slices-meet-at-index",
    severity: "error",
    comment:
      "What a slice offers to others stands in its index.ts; the rest can change without asking anybody. Its digest.ts " +
      "and its plan/index.ts may be met too: index.ts loads the store, and pure files of others name things by their " +
      "content and plan with the same steps.",
    from: { path: SLICE },
    // A slice's testing.ts is its index for tests; that nothing else imports it, tests-support-tests says.
    to: { path: SLICE, pathNot: "^apps/control-plane/src/($1/|[^/]+/(index|digest|testing|plan/index)\\.ts$)" },
  },
  {
    name: "wiring-meets-slices-at-index",
    severity: "error",
    comment:
      "main.ts puts slices together by what they offer, as another slice would. Types of tables add up to the database.",
    from: { path: "^apps/control-plane/src/[^/]+\\.ts$", pathNot: TEST },
    to: {
      path: SLICE,
      pathNot: "^apps/control-plane/src/[^/]+/(index|wire)\\.ts$",
      dependencyTypesNot: ["type-only"],
    },
  },
  {
    name: "tests-support-tests",
    severity: "error",
    comment: "What only tests need must not be part of a running process.",
    from: { path: "^(apps|packages)/", pathNot: [TEST, "^packages/testkit/"] },
    to: { path: "/testing\\.ts$|\\.test\\.ts$|^packages/testkit/" },
  },
  {
    name: "nothing-imports-main",
    severity: "error",
    comment: "main.ts starts a process when it is loaded.",
    from: {},
    to: { path: "^apps/[^/]+/src/main\\.ts$" },
  },
  {
    name: "sql-only-in-store",
    severity: "error",
    comment:
      "Who looks for a query, or changes a table, looks into store.ts and nowhere else. Types of a transaction may be passed on.",
    from: { path: "^(apps|packages)/", pathNot: SQL_HOMES },
    to: { path: "node_modules/(pg|kysely)/", dependencyTypesNot: ["type-only"] },
  },
  {
    name: "kernel-knows-no-kind",
    severity: "error",
    comment: "A new kind of change must not touch the kernel: that is the test of its design.",
    from: { path: "^apps/control-plane/src/change/", pathNot: TEST },
    to: { path: `^apps/control-plane/src/${KINDS}/|^packages/contracts/src/${KINDS}` },
  },
  ...ladder(),
];

/** A rule on everything that a file loads, however far away; dependency-cruiser follows types as well, so imports.ts looks. */
export const PURITY = {
  name: "pure-files-stay-pure",
  comment:
    "What decides is tested by tables: it sees values alone, so nothing that it loads may know a database, a clock, the " +
    "network or a process. Types do no harm, nor does a digest; tools/source-rules.ts looks for clocks and chance.",
  from: /^apps\/control-plane\/src\/[^/]+\/(?:state|plan|inverse|strategy|guard|show)(?:\.ts$|\/)/,
  mayLoad:
    /^packages\/contracts\/src\/|node_modules\/(?:zod|redos-detector|regjsparser|semver)\/|^(?:node:)?crypto$|^apps\/control-plane\/src\/[^/]+\/(?!store|execute|endpoints)/,
} as const;

export const CRUISE_OPTIONS: ICruiseOptions = {
  doNotFollow: { path: "node_modules" },
  exclude: { path: "^tools/fixtures/" },
  tsPreCompilationDeps: true,
  enhancedResolveOptions: {
    exportsFields: ["exports"],
    conditionNames: ["import", "node", "default", "types"],
    extensions: [".ts", ".tsx", ".mjs", ".js", ".json", ".d.ts"],
  },
};
