import { dirname, join, normalize } from "node:path";
import { PlatformError } from "@evenkeel/contracts/error";
import { ENTRY_LIMIT, UNPACKED_LIMIT_BYTES } from "@evenkeel/contracts/package";

/** One entry of an archive, as its header tells. */
export interface ArchiveEntry {
  readonly path: string;
  readonly kind: "file" | "folder" | "link" | "hard-link" | "other";
  readonly sizeBytes: number;
  readonly linkTarget: string;
}

/** Watches an archive while it is unpacked: every entry passes here before anything of it is written. */
export class EntryGuard {
  bytes = 0;
  #entries = 0;
  readonly #freeBytes: number;

  constructor(freeBytes: number) {
    this.#freeBytes = freeBytes;
  }

  /** Refuses what leaves the folder, what is no file, folder or link, and what is too much. */
  check(entry: ArchiveEntry): void {
    this.#entries += 1;
    this.bytes += entry.sizeBytes;
    if (this.bytes > UNPACKED_LIMIT_BYTES || this.#entries > ENTRY_LIMIT)
      throw new PlatformError("PACKAGE_TOO_LARGE", { limitBytes: UNPACKED_LIMIT_BYTES, limitEntries: ENTRY_LIMIT });
    const problem = problemOfEntry(entry);
    if (problem !== null) throw new PlatformError("PACKAGE_UNSAFE", { entry: entry.path.slice(0, 200), problem });
    if (this.bytes > this.#freeBytes)
      throw new PlatformError("DISK_FULL", { freeBytes: this.#freeBytes, neededBytes: this.bytes });
  }
}

function problemOfEntry({ path, kind, linkTarget }: ArchiveEntry): string | null {
  if (kind === "other") return "is neither a file nor a folder nor a link";
  if (isAbsolute(path)) return "has an absolute path";
  if (path.split(/[/\\]/).includes("..")) return "leaves the folder";
  if (path.includes("\0")) return "has an unreadable name";
  if (kind === "file" || kind === "folder") return null;
  const target = kind === "link" ? join(dirname(path), linkTarget) : linkTarget;
  const leaves = isAbsolute(linkTarget) || normalize(target).split("/").includes("..");
  return leaves ? "is a link that leaves the folder" : null;
}

function isAbsolute(path: string): boolean {
  return path.startsWith("/") || path.startsWith("\\") || /^[A-Za-z]:/.test(path);
}

/** Mode of an unpacked entry: no set-user or set-group bits, and always ours to read and remove. */
export function safeMode(mode: number, kind: ArchiveEntry["kind"]): number {
  return (mode & 0o777) | (kind === "folder" ? 0o700 : 0o600);
}
