import type { Readable } from "node:stream";
import type { Digest } from "@evenkeel/contracts/id";

/** The first and the last byte that are wanted. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** A part of a draft that has arrived whole; it is appended or dropped. */
export interface Piece {
  readonly sizeBytes: number;
  drop(): Promise<void>;
}

/** Content by its digest, and drafts: content that is still arriving. An object is never changed. */
export interface ObjectStore {
  /** Bytes of the object; null = there is none. */
  size(digest: Digest): Promise<number | null>;
  read(digest: Digest, range?: ByteRange): Readable;
  /** Stores small content; the answer is durable. */
  put(content: Uint8Array): Promise<{ readonly digest: Digest; readonly sizeBytes: number }>;
  /** Takes a piece in, at most `limitBytes`; more is refused with BODY_TOO_LARGE. `watch` sees its bytes go by. */
  receive(
    source: Readable,
    limit: { readonly limitBytes: number; readonly watch?: (chunk: Uint8Array) => void },
  ): Promise<Piece>;
  /** Writes the piece into the draft at this offset. */
  append(draftId: string, offset: number, piece: Piece): Promise<void>;
  /** Where the bytes of the draft can be read as a file. */
  draftFile(draftId: string): string;
  /** Makes the draft an object, durably; the draft stays until it is dropped. */
  keep(draftId: string, digest: Digest): Promise<void>;
  drop(draftId: string): Promise<void>;
  /** Objects that were stored so long ago, a few at a time. */
  older(olderThanMs: number): AsyncIterable<readonly Digest[]>;
  /** Takes an object away. */
  remove(digest: Digest): Promise<void>;
  /** Drafts, and pieces of drafts, that nobody has written to for so long. */
  untouched(olderThanMs: number): Promise<string[]>;
}
