import { PlatformError } from "@evenkeel/contracts/error";
import { type ArchiveEntry, type EntryKind, EntryRules } from "@evenkeel/kit/archive-rules";

/** Watches an archive while it is unpacked: every entry passes here before anything of it is written. */
export class EntryGuard {
  readonly #rules = new EntryRules();
  readonly #freeBytes: number;

  constructor(freeBytes: number) {
    this.#freeBytes = freeBytes;
  }

  get bytes(): number {
    return this.#rules.unpackedBytes;
  }

  /** Refuses what the rules of archives refuse, and what does not fit on the disk. */
  check(entry: ArchiveEntry): void {
    this.#rules.check(entry);
    if (this.bytes > this.#freeBytes)
      throw new PlatformError("DISK_FULL", { freeBytes: this.#freeBytes, neededBytes: this.bytes });
  }
}

/** Mode of an unpacked entry: no set-user or set-group bits, and always ours to read and remove. */
export function safeMode(mode: number, kind: EntryKind): number {
  return (mode & 0o777) | (kind === "folder" ? 0o700 : 0o600);
}
