import { spawn } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PlatformError } from "@evenkeel/contracts/error";
import type { BundleFacts, ModuleManifest } from "@evenkeel/contracts/module";
import { programFile } from "../program-file.ts";
import { makeScratchFolder } from "../scratch-folder.ts";
import { digestOf } from "./format.ts";

/** What a byte cache is made of, and by whom. */
export interface TrialSpec {
  readonly manifest: ModuleManifest;
  readonly code: Buffer;
  /** Where shared libraries are found while the code is tried. */
  readonly folder: string;
  /** The Node that the base runs; another one's cache is of no use. */
  readonly node: string;
}

/** What came of a trial; without a cache the module is only slower to load. */
export interface Trial {
  readonly cache: Buffer | null;
  readonly facts: BundleFacts["cache"];
  /** Why there is no cache. */
  readonly problem: string | null;
}

/** What the process of a trial says on its last line. */
export interface TrialReport {
  readonly engine: { readonly node: string; readonly v8: string; readonly arch: string } | null;
  readonly missing: string | null;
  readonly failed: string | null;
}

const TRIAL_PROGRAM = fileURLToPath(programFile("trial", import.meta.url));
const TRIAL_MS = 60_000;

/** Loads the code once in a process of its own and keeps what V8 has compiled of it: a cache made before the first run holds next to nothing. */
export async function makeByteCache({ manifest, code, folder, node }: TrialSpec): Promise<Trial> {
  const scratch = makeScratchFolder("trial");
  try {
    const codeFile = join(scratch, "index.js");
    const cacheFile = join(scratch, "index.cache");
    await writeFile(codeFile, code);
    await writeFile(join(scratch, "manifest.json"), JSON.stringify(manifest));
    const { engine, missing, failed } = await runTrial(node, [scratch, folder]);
    if (failed !== null) throw new PlatformError("MODULE_BUILD_FAILED", { module: nameOf(manifest), problem: failed });
    if (engine === null) return { cache: null, facts: null, problem: missing };
    return { cache: await readFile(cacheFile), facts: { ...engine, codeDigest: digestOf(code) }, problem: null };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

const nameOf = ({ name, version }: ModuleManifest): string => `${name}@${version}`;

async function runTrial(node: string, args: readonly string[]): Promise<TrialReport> {
  const child = spawn(node, [TRIAL_PROGRAM, ...args], { stdio: ["ignore", "pipe", "pipe"], timeout: TRIAL_MS });
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output = `${output}${chunk}`.slice(-100_000);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors = `${errors}${chunk}`.slice(-4000);
  });
  const ended = await new Promise<string | null>((resolve) => {
    child.once("error", ({ message }) => resolve(message));
    child.once("close", (code, signal) =>
      resolve(code === 0 ? null : `its trial run ended with ${signal ?? code}: ${errors}`),
    );
  });
  if (ended !== null) return { engine: null, missing: null, failed: ended };
  return JSON.parse(output.trimEnd().split("\n").at(-1) ?? "") as TrialReport;
}
