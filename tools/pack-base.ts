// Makes the package @evenkeel/base as npm publishes it: `node tools/pack-base.ts [folder]` leaves evenkeel-base-VERSION.tgz there.
// Below node_modules Node strips no types, so it is compiled; its contracts go along inside it, because they are nobody else's.
import { execFile } from "node:child_process";
import { access, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { promisify } from "node:util";

const ROOT = join(import.meta.dirname, "..");
const BASE = join(ROOT, "packages/base");
const CONTRACTS = join(ROOT, "packages/contracts");
const NAME = "@evenkeel/base";
const OF_CONTRACTS = "@evenkeel/contracts";
/** The parts of the contracts that the base imports by name; what those need comes with them. */
const CONTRACT_FILES = ["base-protocol.ts", "error.ts", "id.ts", "json-path.ts", "module.ts", "platform-error.ts"];
/** Programs of threads are imported by nobody. */
const BASE_FILES = ["index.ts", "worker/thread.ts", "limit/watchdog-thread.ts", "limit/holder-thread.ts"];
const OLDEST_NODE = ">=22.16";

interface Manifest {
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

const run = promisify(execFile);
const readManifest = async (folder: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Manifest;

/** Packs it into this folder; answers the file's path. */
export async function packBase(into: string, npm: readonly [string, ...string[]] = ["npm"]): Promise<string> {
  const scratch = await mkdtemp(join(tmpdir(), "evenkeel-pack-"));
  try {
    const compiled = await compile(scratch);
    const stage = await layOut(join(scratch, "stage"), compiled);
    await mkdir(into, { recursive: true });
    const [program, ...first] = npm;
    const args = [...first, "pack", "--ignore-scripts", "--pack-destination", resolve(into)];
    const { stdout } = await run(program, args, { cwd: stage });
    return join(resolve(into), stdout.trim().split("\n").at(-1) ?? "");
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function compile(scratch: string): Promise<string> {
  const outDir = join(scratch, "compiled");
  const options = {
    ...{ noEmit: false, incremental: false, tsBuildInfoFile: null, declaration: true, removeComments: false },
    ...{ rewriteRelativeImportExtensions: true, rootDir: join(ROOT, "packages"), outDir },
    typeRoots: [join(ROOT, "node_modules/@types")],
  };
  const files = [
    ...BASE_FILES.map((file) => join(BASE, "src", file)),
    ...CONTRACT_FILES.map((file) => join(CONTRACTS, "src", file)),
  ];
  const project = join(scratch, "tsconfig.json");
  const config = { extends: join(ROOT, "tsconfig.json"), compilerOptions: options, include: [], files };
  await writeFile(project, JSON.stringify(config));
  // In several threads this compiler (7.0) now and then leaves a whole folder out, and says nothing.
  await run(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "--singleThreaded", "-p", project]);
  return outDir;
}

async function layOut(stage: string, compiled: string): Promise<string> {
  const dist = join(stage, "dist");
  await cp(join(compiled, "base/src"), join(dist, "base"), { recursive: true });
  await cp(join(compiled, "contracts/src"), join(dist, "contracts"), { recursive: true });
  await cp(join(BASE, "README.md"), join(stage, "README.md"));
  await cp(join(ROOT, "LICENSE"), join(stage, "LICENSE"));
  for (const file of await readdir(dist, { recursive: true })) {
    if (/\.[jt]s$/.test(file)) await nameContractsByPath(dist, file);
  }
  const { version, description, license, dependencies } = await readManifest(BASE);
  const { [OF_CONTRACTS]: _, ...others } = dependencies;
  const manifest = {
    ...{ name: NAME, version, description, license, type: "module", engines: { node: OLDEST_NODE } },
    exports: { ".": { types: "./dist/base/index.d.ts", default: "./dist/base/index.js" } },
    ...{ files: ["dist"], dependencies: others },
  };
  await writeFile(join(stage, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  return stage;
}

/** Not a package inside the package: the contracts are files of it, so that nothing but its own is to be found. */
async function nameContractsByPath(dist: string, file: string): Promise<void> {
  const path = join(dist, file);
  const to = relative(dirname(path), join(dist, "contracts"));
  const text = await readFile(path, "utf8");
  for (const [, file = ""] of text.matchAll(/ from "(\.[^"]+\.js)"/g)) await access(join(dirname(path), file));
  const named = text.replaceAll(/"@evenkeel\/contracts\/([a-z-]+)"/g, (_, name: string) => `"${to}/${name}.js"`);
  if (named !== text) await writeFile(path, named);
}

if (process.argv[1] === import.meta.filename)
  process.stdout.write(`${await packBase(process.argv[2] ?? join(ROOT, "dist"))}\n`);
