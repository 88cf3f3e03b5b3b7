import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PlatformError } from "@evenkeel/contracts/error";
import { expect, test } from "vitest";
import { parseManifest, readManifest } from "./manifest.ts";

const EXAMPLES = join(import.meta.dirname, "../../../../examples/hello");

function problem(text: string): string {
  try {
    parseManifest(text);
  } catch (error) {
    if (error instanceof PlatformError && error.code === "MANIFEST_INVALID") return String(error.facts.problem);
    throw error;
  }
  return "no problem";
}

test("a manifest of one line has every default", () => {
  expect(parseManifest("application: shop")).toMatchObject({
    ...{ workspace: "local", buildpack: "node", port: "auto", hosts: "all", routes: [] },
    ...{ health: { tcp: true }, strategy: { beta: 0, batches: { count: 1 }, confirm: "none" } },
  });
});

test.each(readdirSync(EXAMPLES))("the manifest of the example %s is valid", async (version) => {
  expect(await readManifest(join(EXAMPLES, version))).toMatchObject({ application: "hello", version });
});

test.each([
  ["start: node server.js\n", "line 1, application: is missing"],
  ["application: shop\nhelth: { path: /x }\n", "line 2, helth: there is no such field"],
  ["application: Shop\n", "line 1, application: lower-case letters, digits and hyphens, beginning with a letter"],
  ["application: shop\nstrategy:\n  beta: 1\n  bakeSecond: 5\n", "line 4, strategy.bakeSecond: there is no such field"],
  ["application: shop\nhealth:\n  path: /x\n  stats: 200\n", "line 4, health.stats: there is no such field"],
  ["application: shop\nport: 70000\n", "line 2, port: too big: expected number to be <=65535"],
  [
    "application: shop\nstrategy: { batches: halves }\n",
    "line 2, strategy.batches: must be each, all, { count: 3 }, { size: 2 }, { percent: 25 } or { by: zone }",
  ],
  ["application: shop\nstrategy: { cap: 0 }\n", "line 2, strategy.cap: too small: expected number to be >=1"],
  [
    "application: shop\nstrategy:\n  maxCellPercent: 120\n",
    "line 3, strategy.maxCellPercent: too big: expected number to be <=100",
  ],
  ["application: shop\nstrategy: { beta: -1 }\n", "line 2, strategy.beta: too small: expected number to be >=0"],
  [
    "application: shop\nstrategy: { confirm: always }\n",
    'line 2, strategy.confirm: must be none, first, each, or a list of batches such as [2, "zone b"]',
  ],
  [
    "application: shop\nstrategy:\n  order: [{ zone: b }]\n",
    /^line 3, strategy\.order\.0\..*must be \{ zones: \[b, a\] \}/,
  ],
  [
    "application: shop\nstrategy: { budget: { failures: 150% } }\n",
    'line 2, strategy.budget.failures: a percentage from "0%" to "100%"',
  ],
  [
    "application: shop\nenv: { LOG_LEVEL: 5 }\n",
    'line 2, env.LOG_LEVEL: is a number to YAML; quote it: LOG_LEVEL: "5"',
  ],
  ["application: shop\nversion: 2\n", 'line 2, version: is a number to YAML; quote it: version: "2"'],
  ["application: shop\nversion: 1.10\n", 'line 2, version: is a number to YAML; quote it: version: "1.10"'],
  ["application: shop\nstart: true\n", 'line 2, start: is a boolean to YAML; quote it: start: "true"'],
  ["application: shop\nroutes:\n  - { path: / }\n", "line 3, routes.0.host: is missing"],
  ["application: shop\nzone: x\nfoo: y\n", "line 2, zone: there is no such field; line 3, foo: there is no such field"],
  ["application: [shop\n", /^line \d+: Flow sequence/],
  ["application: shop\napplication: shop\n", /^line 2: Map keys must be unique/],
  ["", "line 1, application: is missing"],
])("what is wrong in %j is named by line and field", (text, expected) => {
  if (typeof expected === "string") expect(problem(text)).toBe(expected);
  else expect(problem(text)).toMatch(expected);
});

test("a folder without a manifest is an error that says how to make one", async () => {
  const folder = await mkdtemp(join(tmpdir(), "manifest-"));
  await expect(readManifest(folder)).rejects.toMatchObject({ code: "MANIFEST_MISSING" });
  await rm(folder, { recursive: true });
});
