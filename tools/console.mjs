// Builds the console where its sources have moved since the last time. Plain JavaScript without a dependency: the bootstrap loads it.
// Invariants:
// 1. `.runtime/console` exists only whole: it is built under another name and renamed.
// 2. The stamp lies inside, so that it is always that of what lies beside it.
// 3. A build that fails or is killed leaves the console as it was; the next start builds again.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { capture, InstallError, ROOT, RUNTIME, say } from "./install.mjs";
import { withInstallLock } from "./install-lock.mjs";

const BUILT = join(RUNTIME, "console");
const STAMP = "stamp.txt";
/** What the built files depend on. */
const SOURCES = [
  "tools/console.mjs",
  "apps/console",
  "packages/contracts/src",
  "packages/client/src",
  "package-lock.json",
];

/** Builds the console unless what is there was built from these very sources. */
export async function ensureConsole(node) {
  // A copy of the project's own scripts alone has none.
  if (!existsSync(join(ROOT, "apps/console"))) return;
  const digest = await digestOfSources();
  if ((await readStamp()) === digest) return;
  await withInstallLock(join(RUNTIME, "console-lock"), say, async () => {
    if ((await readStamp()) !== digest) await build(node, digest);
  });
}

async function build(node, digest) {
  const startedAt = performance.now();
  say("building the console …");
  const fresh = join(RUNTIME, `building-console-${process.pid}`);
  const old = join(RUNTIME, `replaced-console-${process.pid}`);
  await rm(fresh, { recursive: true, force: true });
  const vite = join(ROOT, "node_modules/vite/bin/vite.js");
  // Whoever calls may be a test: what it is for decides which React is built in.
  const env = { ...process.env, NODE_ENV: "production" };
  const args = [vite, "build", "--outDir", fresh, "--logLevel", "warn"];
  const { exit, output } = await capture(node, args, { cwd: join(ROOT, "apps/console"), env });
  if (exit !== 0) {
    process.stderr.write(`${output.trim()}\n`);
    throw new InstallError("the console cannot be built; the words of the build stand above.");
  }
  await pack(fresh);
  await writeFile(join(fresh, STAMP), digest);
  await rename(BUILT, old).catch(() => undefined);
  // Killed here – then what? There is no console, and the next start builds it again.
  await rename(fresh, BUILT);
  await rm(old, { recursive: true, force: true });
  say(`the console is built (${((performance.now() - startedAt) / 1000).toFixed(1)} s).`);
}

const PACKED = new Set([".html", ".js", ".css", ".svg"]);

/** Lays each text beside itself in both compressions: whoever serves it does so often, and starts quickly. */
async function pack(folder) {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const texts = files.filter((file) => file.isFile() && PACKED.has(extname(file.name)));
  // The last step of eleven costs as much as the others together, for one byte in fifty.
  const params = { [constants.BROTLI_PARAM_QUALITY]: 10, [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT };
  await Promise.all(
    texts.map(async ({ parentPath, name }) => {
      const path = join(parentPath, name);
      const bytes = await readFile(path);
      await writeFile(`${path}.br`, await promisify(brotliCompress)(bytes, { params }));
      await writeFile(`${path}.gz`, await promisify(gzip)(bytes, { level: 9 }));
    }),
  );
}

async function digestOfSources() {
  const hash = createHash("sha256");
  for (const source of SOURCES) {
    const found = await readdir(join(ROOT, source), { recursive: true, withFileTypes: true }).catch(() => null);
    const files =
      found === null
        ? [join(ROOT, source)]
        : found
            .filter(isSource)
            .map((file) => join(file.parentPath, file.name))
            .sort();
    for (const file of files)
      hash
        .update(file.slice(ROOT.length))
        .update("\0")
        .update(await readFile(file))
        .update("\0");
  }
  return hash.digest("hex");
}

const isSource = (file) =>
  file.isFile() && !file.parentPath.includes("node_modules") && !/\.test\.tsx?$/.test(file.name);

async function readStamp() {
  return readFile(join(BUILT, STAMP), "utf8").catch(() => "");
}
