import type { UploadSource } from "@evenkeel/client/upload";
import { Digest } from "@evenkeel/contracts/id";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

const PIECE_BYTES = 4 * 1024 ** 2;

/** Reads a file once to name it by its content; browsers have a digest of their own only for files that fit into memory, and only by https. */
export async function sourceOf(file: File, onRead: (share: number) => void): Promise<UploadSource> {
  const hash = sha256.create();
  for (let at = 0; at < file.size; at += PIECE_BYTES) {
    hash.update(await bytesOf(file, at, PIECE_BYTES));
    onRead(Math.min(1, (at + PIECE_BYTES) / file.size));
  }
  return {
    digest: Digest.parse(`sha256:${bytesToHex(hash.digest())}`),
    sizeBytes: file.size,
    read: (offset, length) => bytesOf(file, offset, length),
  };
}

const bytesOf = async (file: File, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await file.slice(offset, offset + length).arrayBuffer());

/** `shop-1.4.2.tar.gz` is probably version 1.4.2. */
export function versionIn(name: string): string {
  return /(\d+(?:\.\d+)+(?:[-+][\w.]+?)?)(?=\.(?:tar|tgz|zip)|$)/.exec(name)?.[1] ?? "";
}
