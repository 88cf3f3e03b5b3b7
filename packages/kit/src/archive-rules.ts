import { posix } from "node:path";
import { PlatformError } from "@evenkeel/contracts/error";
import { ENTRY_LIMIT, UNPACKED_LIMIT_BYTES } from "@evenkeel/contracts/package";

/** What an entry of an archive is. */
export type EntryKind = "file" | "folder" | "link" | "hard-link" | "other";

/** One entry, as its header tells. */
export interface ArchiveEntry {
  readonly path: string;
  readonly kind: EntryKind;
  readonly sizeBytes: number;
  /** Of a link: where it leads. */
  readonly target: string;
}

const PATH_LIMIT = 1024;
const WORDS = { file: "file", folder: "folder", link: "link", "hard-link": "file", other: "file" } as const;

/**
 * Sees every entry of an archive in its order and refuses what could touch anything outside the folder that it is unpacked into, and
 * what would unpack to something else than it says. A link may go up only at its beginning, and no entry lies below a link: so what a
 * link's text says is where it really leads. The control plane asks it before it takes an archive, the agent while it unpacks one.
 */
export class EntryRules {
  entries = 0;
  files = 0;
  unpackedBytes = 0;
  readonly #named = new Map<string, EntryKind>();
  /** Folders that entries lie in, named or not. */
  readonly #folders = new Set<string>();

  check(entry: ArchiveEntry): void {
    this.entries += 1;
    this.add(entry.sizeBytes);
    const problem = this.#problemOf(entry);
    if (problem !== null) throw new PlatformError("PACKAGE_UNSAFE", { entry: entry.path.slice(0, 200), problem });
    if (entry.kind !== "folder") this.files += 1;
  }

  /** After the last entry. */
  end(): void {
    if (this.files === 0) throw new PlatformError("PACKAGE_WITHOUT_FILES");
  }

  /** Counts bytes, those that the headers do not tell of included. */
  add(bytes: number): void {
    this.unpackedBytes += bytes;
    if (this.unpackedBytes > UNPACKED_LIMIT_BYTES || this.entries > ENTRY_LIMIT) throw tooLarge();
  }

  #problemOf({ path, kind, target }: ArchiveEntry): string | null {
    const problem = problemOfPath(path);
    if (problem !== null) return problem;
    if (kind === "other") return "is neither a file nor a folder nor a link";
    const segments = segmentsOf(path);
    if (segments.length === 0) return kind === "folder" ? null : "has no name";
    return (
      this.#problemOfPlace(segments, kind) ??
      problemOfLink(kind, target, segments.length - 1) ??
      this.#nothingAt(kind, target)
    );
  }

  #problemOfPlace(segments: readonly string[], kind: EntryKind): string | null {
    const name = segments.join("/");
    const above = segments.slice(1).map((_, index) => segments.slice(0, index + 1).join("/"));
    for (const folder of above) {
      const there = this.#named.get(folder) ?? "folder";
      if (there !== "folder") return `lies below a ${WORDS[there]}`;
    }
    if (this.#named.has(name)) return "stands in it twice";
    if (kind !== "folder" && this.#folders.has(name)) return `is a ${WORDS[kind]} in the place of a folder`;
    for (const folder of above) this.#folders.add(folder);
    this.#named.set(name, kind);
    return null;
  }

  #nothingAt(kind: EntryKind, target: string): string | null {
    if (kind !== "hard-link") return null;
    const there = this.#named.get(segmentsOf(target).join("/"));
    return there === "file" || there === "hard-link" ? null : "is a hard link to no file before it";
  }
}

/** The refusal of an archive that unpacks to too much. */
export function tooLarge(): PlatformError {
  return new PlatformError("PACKAGE_TOO_LARGE", { limitBytes: UNPACKED_LIMIT_BYTES, limitEntries: ENTRY_LIMIT });
}

function segmentsOf(path: string): string[] {
  return path.split("/").filter((segment) => segment !== "" && segment !== ".");
}

function problemOfPath(path: string): string | null {
  if (posix.isAbsolute(path) || path.startsWith("\\") || /^[A-Za-z]:[\\/]/.test(path)) return "has an absolute path";
  if (path.split(/[/\\]/).includes("..")) return "leaves the folder";
  if (path.includes("\0")) return "has an unreadable name";
  if (path.includes("\uFFFD")) return "has a name that is not UTF-8";
  return path.length > PATH_LIMIT ? "has a name that is too long" : null;
}

function problemOfLink(kind: EntryKind, target: string, depth: number): string | null {
  if (kind !== "link" && kind !== "hard-link") return null;
  if (target === "") return "is a link that leads nowhere";
  const leaves = "is a link that leaves the folder";
  if (posix.isAbsolute(target) || target.includes("\0")) return leaves;
  const segments = segmentsOf(target);
  const up = segments.findIndex((segment) => segment !== "..");
  const ups = up === -1 ? segments.length : up;
  // The target of a hard link is told from the folder itself, so it goes up nowhere.
  if (ups > (kind === "link" ? depth : 0) || segments.slice(ups).includes("..")) return leaves;
  return null;
}
