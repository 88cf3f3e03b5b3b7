import { isAscii } from "node:buffer";
import { Script } from "node:vm";
import type { InstallResult } from "@evenkeel/contracts/base-protocol";
import type { Bundle } from "../bundle/format.ts";

const NAMES = [
  ...(["exports", "require", "module", "__filename", "__dirname"] as const),
  ...(["process", "console", "fetch", "setTimeout", "setInterval", "setImmediate", "globalThis", "global"] as const),
];
const PARAMETERS = NAMES.join(", ");

/** What the code of a module finds under names that are its own. */
export type ModuleScope = Readonly<Record<(typeof NAMES)[number], unknown>>;

type ModuleFunction = (this: unknown, ...args: readonly unknown[]) => void;

/** Runs the code of a module in its scope. */
export type RunModule = (scope: ModuleScope) => void;

/** What a script of `compileScript` is run by. */
export function runnerOf(script: Script): RunModule {
  const run = script.runInThisContext() as ModuleFunction;
  return (scope) =>
    run.apply(
      scope.exports,
      NAMES.map((name) => scope[name]),
    );
}

export type CacheUse = InstallResult["cache"];

interface Compiled {
  readonly run: RunModule;
  readonly cache: CacheUse;
}

/** The name that stacks and the watchdog show for code of this module. */
export function fileNameOf(name: string, version: string): string {
  return `module:${name}@${version}/index.js`;
}

/** The module whose file this is, `name@version`. */
export const moduleOf = (url: string): string | undefined => /^module:([^/]+)\//.exec(url)?.[1];

/** Which Node has made a byte cache, or would use it. */
export function thisEngine(): { node: string; v8: string; arch: string } {
  return { node: process.version, v8: process.versions.v8 ?? "", arch: `${process.platform}-${process.arch}` };
}

/**
 * Compiles a bundle as one function. A byte cache counts only where its key agrees: V8 itself compares the length of the source and no more, and would
 * run the code of another build without a word.
 */
export function compile({ facts, code, cache }: Bundle): Compiled {
  const use = cacheUse(facts, cache);
  const script = compileScript(facts.manifest, code, use === "used" ? (cache ?? undefined) : undefined);
  const rejected = use === "used" && script.cachedDataRejected === true;
  return { run: runnerOf(script), cache: rejected ? "rejected" : use };
}

/** The script around the code, the same for whoever makes a byte cache and whoever uses it. */
export function compileScript(
  { name, version }: { readonly name: string; readonly version: string },
  code: Buffer,
  cachedData?: Buffer,
): Script {
  // Every closure of the module holds `module` through the inner function: when `module` is gone, so is all of it.
  const source = `(function (${PARAMETERS}) {void (() => module);${textOf(code)}\n})`;
  return new Script(source, { filename: fileNameOf(name, version), cachedData });
}

// The same text either way, in half the time.
const textOf = (code: Buffer): string => (isAscii(code) ? code.toString("latin1") : code.toString("utf8"));

function cacheUse(facts: Bundle["facts"], cache: Buffer | null): CacheUse {
  if (cache === null || facts.cache === null) return "absent";
  if (facts.cache.codeDigest !== facts.codeDigest) return "other-build";
  const engine = thisEngine();
  const same = facts.cache.node === engine.node && facts.cache.v8 === engine.v8 && facts.cache.arch === engine.arch;
  return same ? "used" : "other-node";
}
