// The process of a trial: `trial.ts SCRATCH FOLDER` loads SCRATCH/index.js as a base would and writes SCRATCH/index.cache.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { PlatformError } from "@evenkeel/contracts/error";
import { ModuleManifest } from "@evenkeel/contracts/module";
import { sentenceOf } from "../failure.ts";
import { compileScript, runnerOf, thisEngine } from "../inline/compile.ts";
import { moduleRequire } from "../inline/require.ts";
import type { TrialReport } from "./byte-cache.ts";

const [, , scratch = "", folder = ""] = process.argv;

function tryCode(): TrialReport {
  const manifest = ModuleManifest.parse(JSON.parse(readFileSync(join(scratch, "manifest.json"), "utf8")));
  const script = compileScript(manifest, readFileSync(join(scratch, "index.js")));
  const fromFolder = createRequire(join(folder, "index.js"));
  const libraries = Object.fromEntries(
    Object.keys(manifest.needs.libraries).map((name) => [name, { version: "0.0.0", load: loading(fromFolder) }]),
  );
  const module = { exports: {} };
  const require = moduleRequire({ manifest, libraries, process, console, timers: {} });
  try {
    const place = { exports: module.exports, require, module, __filename: "", __dirname: "." };
    const timers = { setTimeout, setInterval, setImmediate };
    runnerOf(script)({ ...place, ...timers, process, console, fetch, globalThis, global: globalThis });
  } catch (error) {
    if (error instanceof MissingLibrary) return { engine: null, missing: error.message, failed: null };
    return { engine: null, missing: null, failed: `it threw while it was loaded: ${reasonOf(error)}` };
  }
  writeFileSync(join(scratch, "index.cache"), script.createCachedData());
  return { engine: thisEngine(), missing: null, failed: null };
}

class MissingLibrary extends Error {}

const loading =
  (require: NodeJS.Require) =>
  (specifier: string): unknown => {
    try {
      return require(specifier);
    } catch (error) {
      throw new MissingLibrary(`${specifier} is not installed beside the module: ${sentenceOf(error)}`);
    }
  };

function reasonOf(error: unknown): string {
  if (error instanceof PlatformError || !(error instanceof Error)) return sentenceOf(error);
  return error.stack ?? error.message;
}

const report = tryCode();
// What the module has opened must not keep the trial alive.
process.stdout.write(`\n${JSON.stringify(report)}\n`, () => process.exit(0));
