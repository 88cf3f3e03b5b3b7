import { createHash } from "node:crypto";
import { createWriteStream, type Stats } from "node:fs";
import { lstat, open, readdir, readFile, readlink } from "node:fs/promises";
import { dirname, join, posix, resolve, sep } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { PlatformError } from "@evenkeel/contracts/error";
import { Digest } from "@evenkeel/contracts/id";
import { ENTRY_LIMIT, UNPACKED_LIMIT_BYTES } from "@evenkeel/contracts/package";
import ignore, { type Ignore } from "ignore";
import { create } from "tar";

/** What was packed. */
export interface Packed {
  readonly file: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly entries: number;
  readonly warnings: readonly string[];
}

/** Never part of a package. The manifest stays outside: another strategy must not make other bits of the same version. */
const NEVER = [".git", "/evenkeel.yaml", ".evenkeelignore", "/.evenkeel"];
/** Every file gets this time, so that the same content gives the same digest. */
const FIXED_TIME = new Date("1985-10-26T08:15:00Z");
const EXECUTABLE = 0o111;

/** Packs a folder as tar.gz into `file`; the same content gives the same digest on every machine. */
export async function packFolder(folder: string, file: string): Promise<Packed> {
  const walk: Walk = { root: resolve(folder), entries: [], warnings: [], bytes: 0 };
  await visit(walk, "", []);
  if (walk.entries.length === 0) throw new PlatformError("PACKAGE_EMPTY", { folder });
  walk.entries.sort();
  const hash = createHash("sha256");
  let sizeBytes = 0;
  const measure = new Transform({
    transform(bytes: Buffer, _encoding, done) {
      hash.update(bytes);
      sizeBytes += bytes.length;
      done(null, bytes);
    },
  });
  const archive = create(
    {
      cwd: walk.root,
      gzip: { level: 6 },
      portable: true,
      noDirRecurse: true,
      noPax: false,
      mtime: FIXED_TIME,
      // Two names of one file are two files: which comes first must not matter.
      linkCache: new NoLinks(),
      onWriteEntry: (entry) => {
        const mode = entry.stat?.mode ?? 0;
        if (entry.stat)
          entry.stat.mode = (mode & ~0o7777) | (entry.stat.isDirectory() || mode & EXECUTABLE ? 0o755 : 0o644);
      },
    },
    walk.entries,
  );
  await pipeline(archive, measure, createWriteStream(file));
  const digest = Digest.parse(`sha256:${hash.digest("hex")}`);
  return { file, digest, sizeBytes, entries: walk.entries.length, warnings: walk.warnings };
}

class NoLinks extends Map<`${number}:${number}`, string> {
  override get(): undefined {
    return undefined;
  }
}

interface Walk {
  readonly root: string;
  readonly entries: string[];
  readonly warnings: string[];
  bytes: number;
}
/** The rules of one folder hold for all below it; those of a deeper folder go first. */
interface Rules {
  readonly base: string;
  readonly rules: Ignore;
}

async function visit(walk: Walk, folder: string, above: readonly Rules[]): Promise<void> {
  const rules = [...(await rulesOf(walk.root, folder)), ...above];
  for (const name of await readdir(join(walk.root, folder))) {
    const path = posix.join(folder, name);
    const stat = await lstat(join(walk.root, path));
    if (isIgnored(rules, stat.isDirectory() ? `${path}/` : path)) continue;
    add(walk, path, stat.size);
    if (stat.isDirectory()) await visit(walk, path, rules);
    else await inspect(walk, path, stat);
  }
}

function add(walk: Walk, path: string, size: number): void {
  walk.entries.push(path);
  walk.bytes += size;
  if (walk.entries.length <= ENTRY_LIMIT && walk.bytes <= UNPACKED_LIMIT_BYTES) return;
  throw new PlatformError("PACKAGE_TOO_LARGE", { limitBytes: UNPACKED_LIMIT_BYTES, limitEntries: ENTRY_LIMIT });
}

async function inspect({ root, warnings }: Walk, path: string, stat: Stats): Promise<void> {
  if (stat.isSymbolicLink()) return checkLink(root, path);
  if (!stat.isFile()) throw new PlatformError("PACKAGE_UNSAFE", { entry: path, problem: "is no file, folder or link" });
  if (await hasCrlf(join(root, path), (stat.mode & EXECUTABLE) !== 0)) {
    warnings.push(`${path} has Windows line ends (CRLF) and will not run; save it with LF line ends.`);
  }
}

async function rulesOf(root: string, folder: string): Promise<Rules[]> {
  const own = folder === "" ? await textOf(join(root, ".evenkeelignore")) : null;
  if (own !== null) return [{ base: "", rules: ignore().add(own).add(NEVER) }];
  const replaced = (await textOf(join(root, ".evenkeelignore"))) !== null;
  const git = replaced ? null : await textOf(join(root, folder, ".gitignore"));
  if (folder === "")
    return [
      {
        base: "",
        rules: ignore()
          .add(git ?? "")
          .add(NEVER),
      },
    ];
  return git === null ? [] : [{ base: `${folder}/`, rules: ignore().add(git) }];
}

function isIgnored(all: readonly Rules[], path: string): boolean {
  for (const { base, rules } of all) {
    const verdict = rules.test(path.slice(base.length));
    if (verdict.ignored) return true;
    if (verdict.unignored) return false;
  }
  return false;
}

async function textOf(file: string): Promise<string | null> {
  return readFile(file, "utf8").catch(() => null);
}

async function checkLink(root: string, path: string): Promise<void> {
  const target = await readlink(join(root, path));
  const reached = resolve(dirname(join(root, path)), target);
  const inside = reached === root || reached.startsWith(root + sep);
  if (target.startsWith("/") || !inside) {
    throw new PlatformError("PACKAGE_UNSAFE", {
      entry: path,
      problem: `is a link to ${target}, outside of the package`,
    });
  }
}

/** Looks at scripts only: a first line with `#!`, or the ending .sh. */
async function hasCrlf(file: string, executable: boolean): Promise<boolean> {
  if (!executable && !file.endsWith(".sh")) return false;
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0);
    const text = buffer.toString("latin1", 0, bytesRead);
    return (text.startsWith("#!") || file.endsWith(".sh")) && text.includes("\r\n");
  } finally {
    await handle.close();
  }
}
