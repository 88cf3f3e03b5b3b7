import { buffer } from "node:stream/consumers";
import { crc32 } from "node:zlib";
import { PlatformError } from "@evenkeel/contracts/error";
import type { EntryKind, EntryRules } from "@evenkeel/kit/archive-rules";
import { type Entry, openPromise, type ZipFile } from "yauzl";

const TARGET_LIMIT_BYTES = 4096;
const KIND_MASK = 0o170000;
const KINDS = new Map<number, EntryKind>([
  [0o100000, "file"],
  [0o040000, "folder"],
  [0o120000, "link"],
]);

/** Reads every entry of a zip and compares it with its checksum. */
export async function verifyZip(file: string, rules: EntryRules): Promise<void> {
  try {
    const zip = await openPromise(file, { validateEntrySizes: true, strictFileNames: false });
    for await (const entry of zip.eachEntry()) await verifyEntry(zip, entry, rules);
  } catch (error) {
    if (error instanceof PlatformError || (error instanceof Error && "syscall" in error)) throw error;
    throw asRefusal(error as Error);
  }
}

async function verifyEntry(zip: ZipFile, entry: Entry, rules: EntryRules): Promise<void> {
  const path = entry.fileName;
  if (entry.isEncrypted()) throw new PlatformError("PACKAGE_UNREADABLE", { problem: `${path} is encrypted` });
  const kind = kindOf(entry);
  const target = kind === "link" ? await targetOf(zip, entry) : "";
  rules.check({ path, kind, sizeBytes: entry.uncompressedSize, target });
  let checksum = 0;
  for await (const chunk of await zip.openReadStreamPromise(entry)) checksum = crc32(chunk as Buffer, checksum);
  if (checksum !== entry.crc32) throw new PlatformError("PACKAGE_UNREADABLE", { problem: `${path} is damaged` });
}

/** The upper half of the external attributes is the Unix mode; archives made elsewhere have 0 there. */
function kindOf(entry: Entry): EntryKind {
  const unix = (entry.externalFileAttributes >>> 16) & KIND_MASK;
  if (entry.fileName.endsWith("/")) return "folder";
  return unix === 0 ? "file" : (KINDS.get(unix) ?? "other");
}

async function targetOf(zip: ZipFile, entry: Entry): Promise<string> {
  if (entry.uncompressedSize > TARGET_LIMIT_BYTES) {
    throw new PlatformError("PACKAGE_UNSAFE", {
      entry: entry.fileName.slice(0, 200),
      problem: "is a link with an endless target",
    });
  }
  return (await buffer(await zip.openReadStreamPromise(entry))).toString("utf8");
}

/** The library refuses bad names by itself, in words of its own. */
function asRefusal({ message }: Error): PlatformError {
  const [, what, entry] =
    /^(invalid relative path|absolute path|invalid characters in fileName): ?(.*)$/s.exec(message) ?? [];
  if (what === undefined) return new PlatformError("PACKAGE_UNREADABLE", { problem: message });
  const problem = what === "absolute path" ? "has an absolute path" : "leaves the folder";
  return new PlatformError("PACKAGE_UNSAFE", { entry: (entry ?? "").slice(0, 200), problem });
}
