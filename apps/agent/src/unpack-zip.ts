import { createWriteStream } from "node:fs";
import { symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { PlatformError } from "@evenkeel/contracts/error";
import type { EntryKind } from "@evenkeel/kit/archive-rules";
import { makeFolder } from "@evenkeel/kit/durable-file";
import { type Entry, openPromise, type ZipFile } from "yauzl";
import { type EntryGuard, safeMode } from "./archive-entry.ts";
import { isDiskFull } from "./disk.ts";

const LINK_TARGET_LIMIT_BYTES = 4096;
const KIND_MASK = 0o170000;
const KINDS = new Map<number, EntryKind>([
  [0o100000, "file"],
  [0o040000, "folder"],
  [0o120000, "link"],
]);

interface Link {
  readonly path: string;
  readonly target: string;
}

/** Unpacks a zip; links are made last, so that nothing is ever written through one. */
export async function unzip(archive: string, folder: string, guard: EntryGuard): Promise<void> {
  const links: Link[] = [];
  try {
    const zip = await openPromise(archive, { validateEntrySizes: true, strictFileNames: false });
    for await (const entry of zip.eachEntry()) await unpackEntry({ zip, entry, folder, guard, links });
  } catch (error) {
    if (error instanceof PlatformError || isDiskFull(error)) throw error;
    throw unreadable(error);
  }
  for (const { path, target } of links) {
    await makeFolder(dirname(join(folder, path)));
    await symlink(target, join(folder, path));
  }
}

interface Step {
  readonly zip: ZipFile;
  readonly entry: Entry;
  readonly folder: string;
  readonly guard: EntryGuard;
  readonly links: Link[];
}

async function unpackEntry({ zip, entry, folder, guard, links }: Step): Promise<void> {
  const path = entry.fileName;
  const { kind, mode } = kindAndMode(entry);
  const target = kind === "link" ? await readTarget(zip, entry) : "";
  guard.check({ path, kind, sizeBytes: entry.uncompressedSize, target });
  const absolute = join(folder, path);
  if (kind === "link") links.push({ path, target });
  else if (kind === "folder") await makeFolder(absolute, safeMode(mode, kind));
  else {
    await makeFolder(dirname(absolute));
    await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(absolute, { mode: safeMode(mode, kind) }));
  }
}

/** The upper half of the external attributes is the Unix mode; archives made elsewhere have 0 there. */
function kindAndMode(entry: Entry): { kind: EntryKind; mode: number } {
  const unix = entry.externalFileAttributes >>> 16;
  const folder = entry.fileName.endsWith("/");
  if ((unix & KIND_MASK) === 0) return { kind: folder ? "folder" : "file", mode: folder ? 0o755 : 0o644 };
  return { kind: folder ? "folder" : (KINDS.get(unix & KIND_MASK) ?? "other"), mode: unix };
}

async function readTarget(zip: ZipFile, entry: Entry): Promise<string> {
  if (entry.uncompressedSize > LINK_TARGET_LIMIT_BYTES)
    throw new PlatformError("PACKAGE_UNSAFE", { entry: entry.fileName, problem: "is a link with an endless target" });
  return (await buffer(await zip.openReadStreamPromise(entry))).toString("utf8");
}

function unreadable(error: unknown): PlatformError {
  const { message } = error as Error;
  const unsafe = /invalid relative path|absolute path|invalid characters in fileName/.exec(message);
  if (unsafe === null) return new PlatformError("PACKAGE_UNREADABLE", { problem: message });
  const entry = message.slice(message.indexOf(":") + 1).trim();
  const problem = message.startsWith("absolute") ? "has an absolute path" : "leaves the folder";
  return new PlatformError("PACKAGE_UNSAFE", { entry, problem });
}
