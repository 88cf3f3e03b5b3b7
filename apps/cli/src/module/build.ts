import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { makeByteCache } from "@evenkeel/base/bundle/byte-cache";
import { digestOf, packBundle } from "@evenkeel/base/bundle/format";
import { checkLibraries, libraryOf } from "@evenkeel/base/inline/require";
import { PlatformError } from "@evenkeel/contracts/error";
import type { Digest } from "@evenkeel/contracts/id";
import { BaseDescription, type ModuleManifest } from "@evenkeel/contracts/module";
import { type BuildOptions, build, type Message, type Metafile } from "esbuild";
import { z } from "zod";

export interface BuildSpec {
  readonly folder: string;
  readonly manifest: ModuleManifest;
  /** What the base shares; null: nothing to compare with. */
  readonly base: BaseDescription | null;
  /** The Node that makes the byte cache; null: none is made. */
  readonly node: string | null;
}

export interface BuiltModule {
  readonly manifest: ModuleManifest;
  readonly bytes: Uint8Array;
  readonly digest: Digest;
  readonly codeBytes: number;
  readonly cacheBytes: number;
  /** What a person should know: why there is no byte cache, what was bundled although the base shares it. */
  readonly notes: readonly string[];
}

/** Bundles a module, leaves what the base shares out, and tries it once for its byte cache. */
export async function buildModule({ folder, manifest, base, node }: BuildSpec): Promise<BuiltModule> {
  if (base !== null) checkLibraries(manifest, base.libraries);
  const { text, metafile, warnings } = await bundle(folder, manifest);
  const buildId = digestOf(Buffer.from(text)).slice(7, 39);
  const code = Buffer.from(`module.build=${JSON.stringify(buildId)};${text}`);
  const trial = node === null ? null : await makeByteCache({ manifest, code, folder, node });
  const cache = trial?.cache ?? null;
  const facts = { manifest, codeDigest: digestOf(code), buildId, cache: trial?.facts ?? null };
  const bytes = packBundle({ facts, code, cache });
  const notes = [
    ...(trial?.problem ? [`no byte cache: ${trial.problem}`] : []),
    ...(base === null ? [] : bundledTwice(metafile, base)),
    ...warnings.filter(isOwn).map(placed),
  ];
  const sizes = { codeBytes: code.length, cacheBytes: cache?.length ?? 0 };
  return { manifest, bytes, digest: digestOf(bytes), ...sizes, notes };
}

const PLACE = { url: "file:///module/index.js", filename: "/module/index.js", dirname: "/module" };

/** What esbuild gets: one CommonJS file, without the libraries that the base shares. */
export function esbuildOptions(folder: string, { entry, needs }: ModuleManifest) {
  const shared = Object.keys(needs.libraries).flatMap((name) => [name, `${name}/*`]);
  return {
    entryPoints: [resolve(folder, entry)],
    absWorkingDir: resolve(folder),
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node24",
    external: shared,
    // What is imported for good cannot be replaced: an import() inside becomes a require.
    supported: { "dynamic-import": false },
    // A module is no file: whoever makes a path of this gets one where nothing is.
    define: Object.fromEntries(
      Object.entries(PLACE).map(([key, value]) => [`import.meta.${key}`, JSON.stringify(value)]),
    ),
    legalComments: "none",
    write: false,
    metafile: true,
    logLevel: "silent",
  } as const satisfies BuildOptions;
}

interface Bundled {
  readonly text: string;
  readonly metafile: Metafile;
  readonly warnings: readonly Message[];
}

async function bundle(folder: string, manifest: ModuleManifest): Promise<Bundled> {
  try {
    const { outputFiles, metafile, warnings } = await build(esbuildOptions(folder, manifest));
    return { text: outputFiles[0]?.text ?? "", metafile, warnings };
  } catch (error) {
    const { name, version } = manifest;
    throw new PlatformError("MODULE_BUILD_FAILED", { module: `${name}@${version}`, problem: messagesOf(error) });
  }
}

function messagesOf(error: unknown): string {
  const { errors } = error as { errors?: readonly Message[] };
  if (errors === undefined) return error instanceof Error ? error.message : String(error);
  return errors.map(placed).join("; ");
}

const placed = ({ text, location }: Message): string =>
  `${location ? `${location.file}:${location.line}: ` : ""}${text}${wayOut(text)}`;

function wayOut(text: string): string {
  const [, wanted] = /^Could not resolve "([^./"][^"]*)"/.exec(text) ?? [];
  if (wanted === undefined) return "";
  const name = libraryOf(wanted);
  return ` (run \`npm install ${name}\` in the module's folder, or name it in \`needs.libraries\` where the base shares it)`;
}

/** Of the module's own code: nobody can do anything about those of libraries. */
const isOwn = ({ location }: Message): boolean => location !== null && !location.file.includes("node_modules");

function bundledTwice({ inputs }: Metafile, { libraries }: BaseDescription): string[] {
  const bundled = Object.keys(inputs).flatMap((path) => {
    const inside = path.split("node_modules/").at(-1);
    return path.includes("node_modules/") && inside ? [libraryOf(inside)] : [];
  });
  const twice = [...new Set(bundled)].filter((name) => Object.hasOwn(libraries, name));
  return twice.map((name) => `${name} is bundled although the base shares ${libraries[name]}; see needs.libraries`);
}

/** Reads what a base says of itself, from a file. */
export async function readBaseDescription(path: string): Promise<BaseDescription> {
  try {
    return BaseDescription.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error).replaceAll("\n", " ") : String(error);
    throw new PlatformError("FILE_UNUSABLE", { path, reason });
  }
}

/** Where the bundle goes unless somebody says otherwise. */
export function outputPath(folder: string, { name, version }: ModuleManifest): string {
  return resolve(folder, "dist", `${name}-${version}.jar`);
}
