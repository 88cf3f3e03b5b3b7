import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { PlatformError } from "@evenkeel/contracts/error";
import type { EntryKind } from "@evenkeel/kit/archive-rules";
import { Unpack } from "tar";
import { type EntryGuard, safeMode } from "./archive-entry.ts";
import { isDiskFull } from "./disk.ts";

const KINDS: Readonly<Record<string, EntryKind>> = {
  File: "file",
  OldFile: "file",
  ContiguousFile: "file",
  Directory: "folder",
  GNUDumpDir: "folder",
  SymbolicLink: "link",
  Link: "hard-link",
};

// Measured on 20 MB: half the processor time of the library's own way, with chunks of 16 kB.
const CHUNK_BYTES = 1024 ** 2;

export interface Untar {
  readonly folder: string;
  readonly guard: EntryGuard;
  readonly gzipped: boolean;
}

/** Unpacks a tar, gzipped or not. */
export async function untar(archive: string, { folder, guard, gzipped }: Untar): Promise<void> {
  let refused: unknown = null;
  const tar = new Unpack({
    cwd: folder,
    preserveOwner: false,
    strict: true,
    noMtime: true,
    filter: (_path, entry) => {
      if (refused !== null || !("type" in entry)) return false;
      try {
        const kind = KINDS[entry.type] ?? "other";
        guard.check({ path: entry.path, kind, sizeBytes: entry.size, target: entry.linkpath ?? "" });
        entry.mode = safeMode(entry.mode ?? 0o644, kind);
        return true;
      } catch (error) {
        // Thrown here it would be lost inside the library.
        refused = error;
        source.destroy();
        return false;
      }
    },
  });
  const source = createReadStream(archive, { highWaterMark: CHUNK_BYTES });
  try {
    if (gzipped) await pipeline(source, createGunzip({ chunkSize: CHUNK_BYTES }), tar);
    else await pipeline(source, tar);
  } catch (error) {
    if (refused === null && isDiskFull(error)) throw error;
    if (refused === null) throw new PlatformError("PACKAGE_UNREADABLE", { problem: (error as Error).message });
  }
  if (refused !== null) throw refused;
}
