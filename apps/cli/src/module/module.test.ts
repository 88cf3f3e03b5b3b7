import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf, packBundle, unpackBundle } from "@evenkeel/base/bundle/format";
import { shareLibraries } from "@evenkeel/base/inline/require";
import { BaseBed } from "@evenkeel/base/testing";
import { readModuleFile } from "@evenkeel/client/node/module-file";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runCli } from "../run.ts";
import { buildModule } from "./build.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "evenkeel-module-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

const library = (name: string, version: string): Record<string, string> => ({
  [`node_modules/${name}/package.json`]: JSON.stringify({ name, version, main: "index.js" }),
  [`node_modules/${name}/index.js`]: `exports.version = "${version}"; exports.Money = class Money {};`,
});

const yaml = (version = "1.0.0", more = ""): string =>
  `name: prices\nversion: ${version}\nentry: src/index.ts\nneeds:\n  libraries: { money: ^2.0.0 }\nprovides:\n  routes: [{ path: /prices }]\n${more}`;
const source = (word: string): string => `import { Money } from "money"; import { version } from "own";
  interface Offer { routes: unknown }
  export const activate = async (): Promise<Offer> => ({ routes: (request: unknown, response: { end(text: string): void }) =>
    void import("own").then((own) => response.end(["${word}", version, own.version, Money.name].join(" "))) });`;

async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const written = { stdout: "", stderr: "" };
  const output = (name: keyof typeof written) => ({
    write: (text: string) => {
      written[name] += text;
      return true;
    },
  });
  const io = { stdout: output("stdout"), stderr: output("stderr"), env: {}, cwd: folder, interactive: false };
  const code = await runCli(args, io as never);
  return { code, ...written };
}

async function built(word: string, version = "1.0.0") {
  write({
    "module.yaml": yaml(version),
    "src/index.ts": source(word),
    ...library("money", "2.1.0"),
    ...library("own", "1.0.0"),
  });
  return await buildModule({ folder, manifest: await readModuleFile(folder), base: null, node: process.execPath });
}

const shared = () => shareLibraries(createRequire(join(folder, "index.js")), ["money"]);

function install(bed: BaseBed, bytes: Uint8Array, operationId = "i") {
  const path = join(folder, `${operationId}.jar`);
  writeFileSync(path, bytes);
  const bundle = { path, digest: digestOf(bytes) };
  return bed.base.perform("install", { operationId, bundle, activate: true, replace: true, publish: { tags: {} } });
}

test("a module is built to one file with its byte cache, which the base uses", async () => {
  await built("one");
  const { code, stdout } = await run("module", "build", "--json");
  expect(code).toBe(0);
  const answer = JSON.parse(stdout) as { file: string; digest: string; cacheBytes: number; notes: string[] };
  expect(answer).toMatchObject({ file: join(folder, "dist/prices-1.0.0.jar"), notes: [] });
  expect(answer.cacheBytes).toBeGreaterThan(1000);
  const bytes = readFileSync(answer.file);
  expect(digestOf(bytes)).toBe(answer.digest);
  await using bed = await BaseBed.open({ libraries: shared() });
  expect((await install(bed, bytes)).cache).toBe("used");
  expect((await bed.get("/prices")).body).toBe("one 1.0.0 1.0.0 Money");
});

test("code that uses timers, ticks and globals while it is loaded gets its byte cache like any other", async () => {
  await built("one");
  const early = `setTimeout(() => {}, 1); setInterval(() => {}, 1000); setImmediate(() => {}); process.nextTick(() => {});
    if (globalThis !== global || typeof fetch !== "function") throw new Error("strange globals");`;
  write({ "src/index.ts": `${early} ${source("one")}` });
  const { stdout } = await run("module", "build", "--json");
  expect(JSON.parse(stdout)).toMatchObject({ notes: [] });
});

test("the same source gives the same code, and without a byte cache the same bundle", async () => {
  const facts = async () => unpackBundle((await built("one")).bytes).facts.codeDigest;
  expect(await facts()).toBe(await facts());
  const bare = async () =>
    (await buildModule({ folder, manifest: await readModuleFile(folder), base: null, node: null })).digest;
  expect(await bare()).toBe(await bare());
});

test("conflicts with what the base shares are found when the module is built, and again when it is installed", async () => {
  const { bytes } = await built("one");
  await using bed = await BaseBed.open();
  const { description } = bed.base.report();
  const describe = (libraries: Record<string, string>) =>
    write({ "base.json": JSON.stringify({ ...description, libraries }) });
  describe({});
  expect(await run("module", "build", "--base", "base.json")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("DEPENDENCY_MISSING"),
  });
  describe({ money: "1.9.0" });
  const { stderr } = await run("module", "build", "--base", "base.json");
  expect(stderr).toContain("The module prices@1.0.0 needs money ^2.0.0, and the base shares 1.9.0.");
  describe({ money: "2.3.0", own: "3.0.0" });
  expect((await run("module", "build", "--base", "base.json")).stdout).toContain(
    "own is bundled although the base shares 3.0.0",
  );
  await expect(install(bed, bytes)).rejects.toMatchObject({ code: "DEPENDENCY_MISSING" });
});

test("what is wrong with a module is said when it is built", async () => {
  expect((await run("module", "build")).stderr).toContain("module.yaml");
  write({ "module.yaml": yaml("1.0"), "src/index.ts": "" });
  expect((await run("module", "build")).stderr).toMatch(/MODULE_FILE_INVALID/);
  write({ "module.yaml": yaml(), "src/index.ts": "import 'nowhere';" });
  expect((await run("module", "build")).stderr).toContain(
    'src/index.ts:1: Could not resolve "nowhere" (run `npm install nowhere` in the module\'s folder',
  );
  write({ "src/index.ts": "throw new Error('bad at load');" });
  expect((await run("module", "build")).stderr).toContain("bad at load");
  write({ "src/index.ts": "import 'money'; export const activate = () => ({});" });
  expect((await run("module", "build")).stdout).toContain("no byte cache: money is not installed beside the module");
});

test("a byte cache of another build is left aside; one that lies about its build is refused", async () => {
  const one = unpackBundle((await built("one")).bytes);
  const two = unpackBundle((await built("two")).bytes);
  expect(two.code.length).toBe(one.code.length);
  await using bed = await BaseBed.open({ libraries: shared() });
  const stale = { ...two, facts: { ...two.facts, cache: one.facts.cache }, cache: one.cache };
  expect((await install(bed, packBundle(stale), "stale")).cache).toBe("other-build");
  expect((await bed.get("/prices")).body).toBe("two 1.0.0 1.0.0 Money");
  const lying = {
    ...two,
    facts: { ...two.facts, manifest: { ...two.facts.manifest, version: "1.0.1" } },
    cache: one.cache,
  };
  await expect(install(bed, packBundle(lying), "lying")).rejects.toMatchObject({ code: "BUNDLE_INVALID" });
  expect((await bed.get("/prices")).body).toBe("two 1.0.0 1.0.0 Money");
  const foreign = { ...two, facts: { ...two.facts, cache: { ...two.facts.cache, node: "v1.0.0" } } };
  const renamed = { ...foreign, facts: { ...foreign.facts, manifest: { ...two.facts.manifest, version: "1.0.2" } } };
  expect((await install(bed, packBundle(renamed as typeof two), "foreign")).cache).toBe("other-node");
});

test("two modules bundle two versions of a library and share a third on purpose", async () => {
  await built("one");
  await using bed = await BaseBed.open({ libraries: shared() });
  const seen = async (name: string, own: string): Promise<string> => {
    write({ ...library("own", own), "module.yaml": yaml().replace("prices", name).replace("/prices", `/${name}`) });
    const manifest = await readModuleFile(folder);
    await install(bed, (await buildModule({ folder, manifest, base: null, node: null })).bytes, name);
    return (await bed.get(`/${name}`)).body;
  };
  expect(await seen("cart", "1.0.0")).toBe("one 1.0.0 1.0.0 Money");
  expect(await seen("till", "2.0.0")).toBe("one 2.0.0 2.0.0 Money");
});

test("an ES module that asks where it lies is built and runs; what esbuild warns of in its own code is said", async () => {
  const code = `import { fileURLToPath } from "node:url";
    const here = fileURLToPath(import.meta.url);
    if (here === -0) throw new Error("nowhere");
    export const activate = () => ({ routes: (request, response) => response.end([here, import.meta.dirname].join(" ")) });`;
  write({
    "module.yaml": "name: prices\nversion: 1.0.0\nprovides: { routes: [{ path: /prices }] }\n",
    "index.js": code,
  });
  const manifest = await readModuleFile(folder);
  const { bytes, notes } = await buildModule({ folder, manifest, base: null, node: process.execPath });
  expect(notes).toEqual([expect.stringContaining("index.js:3: Comparison with -0")]);
  await using bed = await BaseBed.open();
  await install(bed, bytes);
  expect((await bed.get("/prices")).body).toBe("/module/index.js /module");
});
