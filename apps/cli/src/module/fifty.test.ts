import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { shareLibraries } from "@evenkeel/base/inline/require";
import { BaseBed } from "@evenkeel/base/testing";
import { readModuleFile } from "@evenkeel/client/node/module-file";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildModule } from "./build.ts";

const COUNT = 50;
const folder = mkdtempSync(join(tmpdir(), "evenkeel-fifty-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

// `shape` differs from version to version and cannot be shared; of `ledger` there must be one.
const shape = (major: number): string =>
  major === 1 ? `exports.area = (side) => side * side;` : `exports.area = ({ side }) => "v${major} " + side * side;`;

function library(place: string, [name, version]: readonly [name: string, version: string], text: string): void {
  const about = JSON.stringify({ name, version, main: "index.js" });
  write({ [`${place}/node_modules/${name}/package.json`]: about, [`${place}/node_modules/${name}/index.js`]: text });
}

const majorOf = (index: number): number => 1 + (index % 3);

function writeModule(index: number, version: string, major = majorOf(index)): string {
  const place = `modules/${index}/${version}`;
  const before = index === 0 ? "" : `, part-${index - 1}: {}`;
  library(place, ["shape", `${major}.0.0`], shape(major));
  write({
    [`${place}/module.yaml`]: `name: part-${index}
version: ${version}
needs: { libraries: { ledger: ^1.0.0 }, services: { clock: {}${before} } }
provides: { services: [part-${index}], routes: [{ path: /part-${index} }] }
`,
    [`${place}/index.js`]: `const { area } = require("shape");
const { note } = require("ledger");
exports.activate = ({ service, name }) => {
  note(name);
  const clock = service("clock");
  const before = ${index === 0 ? "null" : `service("part-${index - 1}")`};
  const part = { area: () => area(${major === 1 ? 3 : "{ side: 3 }"}), length: () => 1 + (before?.length() ?? 0), now: () => clock.now() };
  return { services: { "part-${index}": part }, routes: (request, response) => response.end(name + " ${version} " + part.area()) };
};
`,
  });
  return join(folder, place);
}

interface Ledger {
  readonly names: string[];
}

interface Part {
  area(): number | string;
  /** Of the chain of modules that it asks. */
  length(): number;
  now(): number;
}

let ledger: Ledger;
beforeAll(() => {
  library(".", ["ledger", "1.4.0"], `exports.names = []; exports.note = (name) => void exports.names.push(name);`);
  ledger = createRequire(join(folder, "index.js"))("ledger") as Ledger;
});

const expectedArea = (major: number): number | string => (major === 1 ? 9 : `v${major} 9`);

test("fifty modules live in one base: three versions of a library apart, one library shared on purpose, and all call each other and the base", async () => {
  const libraries = shareLibraries(createRequire(join(folder, "index.js")), ["ledger"]);
  const clock = { version: "1.0.0", service: { now: () => 7 } };
  await using bed = await BaseBed.open({ libraries, services: { clock } });
  const { description } = bed.base.report();
  const install = async (index: number, version: string, major?: number): Promise<void> => {
    const place = writeModule(index, version, major);
    const manifest = await readModuleFile(place);
    const { bytes, digest } = await buildModule({ folder: place, manifest, base: description, node: null });
    const path = join(place, "bundle.jar");
    writeFileSync(path, bytes);
    const how = { activate: true, replace: true, publish: { tags: {} } };
    await bed.base.perform("install", { operationId: `${index} ${version}`, bundle: { path, digest }, ...how });
  };
  const indexes = Array.from({ length: COUNT }, (_, index) => index);
  for (const index of indexes) await install(index, "1.0.0");
  expect(bed.base.report().modules.filter(({ state }) => state === "active")).toHaveLength(COUNT);
  // Each wrote into the one ledger that the base holds too.
  expect(ledger.names).toEqual(indexes.map((index) => `part-${index}`));
  for (const index of indexes) {
    const part = bed.base.service<Part>(`part-${index}`);
    expect([part.area(), part.length(), part.now()]).toEqual([expectedArea(majorOf(index)), index + 1, 7]);
    expect((await bed.get(`/part-${index}`)).body).toBe(`part-${index} 1.0.0 ${expectedArea(majorOf(index))}`);
  }

  // One is replaced by a build with another version of the library: whoever calls it is bound anew, and nobody else has changed.
  const last = bed.base.service<Part>(`part-${COUNT - 1}`);
  await install(24, "2.0.0", 5);
  expect(bed.base.service<Part>("part-24").area()).toBe("v5 9");
  expect(last.length()).toBe(COUNT);
  expect([last.area(), bed.base.service<Part>("part-23").area()]).toEqual([
    expectedArea(majorOf(COUNT - 1)),
    expectedArea(majorOf(23)),
  ]);
  await expect.poll(() => bed.base.report().modules.length, { timeout: 60_000 }).toBe(COUNT);
}, 120_000);
