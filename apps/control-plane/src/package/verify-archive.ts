import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { PlatformError } from "@evenkeel/contracts/error";
import { type EntryKind, EntryRules } from "@evenkeel/kit/archive-rules";
import { Parser, type ReadEntry } from "tar";
import { verifyZip } from "./verify-zip.ts";

/** What an archive unpacks to. */
export interface Verified {
  readonly unpackedBytes: number;
  readonly entries: number;
}

const GZIP = "1f8b";
const ZIP = "504b";
// `ustar` stands here in every tar of this century.
const TAR_MAGIC_AT = 257;
const BLOCK_BYTES = 512;

const KINDS: Readonly<Record<string, EntryKind>> = {
  File: "file",
  OldFile: "file",
  ContiguousFile: "file",
  Directory: "folder",
  GNUDumpDir: "folder",
  SymbolicLink: "link",
  Link: "hard-link",
};

/** Reads the archive from its first byte to its last, in bounded memory and without writing anything, and refuses what is unsafe or unreadable. */
export async function verifyArchive(file: string): Promise<Verified> {
  const rules = new EntryRules();
  const magic = (await head(file, 2)).toString("hex");
  if (magic === ZIP) await verifyZip(file, rules);
  else await verifyTar(file, rules, magic === GZIP);
  rules.end();
  return { unpackedBytes: rules.unpackedBytes, entries: rules.entries };
}

async function verifyTar(file: string, rules: EntryRules, gzipped: boolean): Promise<void> {
  // Every byte that comes out of the decompression counts, also what stands between and behind the entries.
  const counted = new EntryRules();
  let began = false;
  const gate = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      try {
        if (!began) refuseOtherFormats(chunk);
        began = true;
        counted.add(chunk.length);
        done(null, chunk);
      } catch (error) {
        done(error as Error);
      }
    },
  });
  const source = createReadStream(file, { highWaterMark: 256 * 1024 });
  const parser = tarParser(rules, (error) => gate.destroy(error));
  try {
    await (gzipped ? pipeline(source, createGunzip(), gate, parser) : pipeline(source, gate, parser));
  } catch (error) {
    if (error instanceof PlatformError || isFileError(error)) throw error;
    throw unreadable((error as Error).message);
  }
}

/** The parser would unpack compressed content once more by itself; and what is no tar would look to it like an empty one. */
function refuseOtherFormats(first: Buffer): void {
  // So a tar without entries begins.
  if (first.length >= BLOCK_BYTES && first.subarray(0, BLOCK_BYTES).every((byte) => byte === 0))
    throw new PlatformError("PACKAGE_WITHOUT_FILES");
  const magic = first.subarray(TAR_MAGIC_AT, TAR_MAGIC_AT + 5).toString("latin1");
  if (magic !== "ustar") throw unreadable("it is neither a .tar nor a .tar.gz nor a .zip");
}

function tarParser(rules: EntryRules, refuse: (error: Error) => void): NodeJS.WritableStream {
  return new Parser({
    strict: true,
    onReadEntry: (entry: ReadEntry) => {
      try {
        const kind = KINDS[entry.type] ?? "other";
        rules.check({ path: entry.path, kind, sizeBytes: entry.size, target: entry.linkpath ?? "" });
      } catch (error) {
        // Thrown here it would be lost inside the library.
        refuse(error as Error);
      }
      entry.resume();
    },
  }) as unknown as NodeJS.WritableStream;
}

async function head(file: string, length: number): Promise<Buffer> {
  const handle = await open(file, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function isFileError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}

function unreadable(problem: string): PlatformError {
  return new PlatformError("PACKAGE_UNREADABLE", { problem });
}
