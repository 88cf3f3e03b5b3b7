import { posix } from "node:path";
import { PlatformError } from "@evenkeel/contracts/error";
import { ENTRY_LIMIT, UNPACKED_LIMIT_BYTES } from "@evenkeel/contracts/package";

export type EntryKind = "file" | "folder" | "link" | "hard-link" | "other";

export interface ArchiveEntry {
  readonly path: string;
  readonly kind: EntryKind;
  readonly sizeBytes: number;
  /** Of a link: where it leads. */
  readonly target: string;
}

const PATH_LIMIT = 1024;

/**
 * Sees every entry of an archive in its order and refuses what could touch anything outside the folder that it is unpacked into.
 * A link may go up only at its beginning, and no entry lies below a link: so what a link's text says is where it really leads.
 */
export class EntryRules {
  entries = 0;
  unpackedBytes = 0;
  readonly #links = new Set<string>();
  readonly #folders = new Set<string>();

  check(entry: ArchiveEntry): void {
    this.entries += 1;
    this.add(entry.sizeBytes);
    const problem = this.#problemOf(entry);
    if (problem !== null) throw new PlatformError("PACKAGE_UNSAFE", { entry: entry.path.slice(0, 200), problem });
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
    const name = segments.join("/");
    if (this.#passesLink(segments)) return "lies below a link";
    if (kind === "link" && this.#folders.has(name)) return "is a link in the place of a folder";
    for (let depth = 1; depth < segments.length; depth += 1) this.#folders.add(segments.slice(0, depth).join("/"));
    if (kind === "folder") this.#folders.add(name);
    if (kind === "link") this.#links.add(name);
    return problemOfLink(kind, target, segments.length - 1);
  }

  #passesLink(segments: readonly string[]): boolean {
    return segments.slice(1).some((_, index) => this.#links.has(segments.slice(0, index + 1).join("/")));
  }
}

export function tooLarge(): PlatformError {
  return new PlatformError("PACKAGE_TOO_LARGE", { limitBytes: UNPACKED_LIMIT_BYTES, limitEntries: ENTRY_LIMIT });
}

function segmentsOf(path: string): string[] {
  return path.split("/").filter((segment) => segment !== "" && segment !== ".");
}

function problemOfPath(path: string): string | null {
  if (posix.isAbsolute(path) || path.startsWith("\\") || /^[A-Za-z]:[\\/]/.test(path)) return "has an absolute path";
  if (path.split(/[/\\]/).includes("..")) return "leaves the folder";
  if (path.includes("\0") || path.includes("\uFFFD")) return "has an unreadable name";
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
