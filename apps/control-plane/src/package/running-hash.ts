import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { Digest } from "@evenkeel/contracts/id";

const LIMIT = 1000;

/** The digest of a draft, carried on from piece to piece as long as they all arrive here; else the draft is read. */
export class RunningHashes {
  readonly #kept = new Map<string, { offset: number; hash: Hash }>();

  /** A hash that has seen the draft up to this offset; null = not here. */
  fork(draftId: string, offset: number): Hash | null {
    if (offset === 0) return createHash("sha256");
    const known = this.#kept.get(draftId);
    return known?.offset === offset ? known.hash.copy() : null;
  }

  keep(draftId: string, offset: number, hash: Hash): void {
    this.#kept.delete(draftId);
    this.#kept.set(draftId, { offset, hash });
    if (this.#kept.size > LIMIT) this.#kept.delete(this.#kept.keys().next().value!);
  }

  forget(draftId: string): void {
    this.#kept.delete(draftId);
  }

  /** The digest of the draft, which has this many bytes. */
  async digest(draftId: string, sizeBytes: number, file: string): Promise<Digest> {
    const hash = this.fork(draftId, sizeBytes) ?? (await hashOf(file));
    return Digest.parse(`sha256:${hash.digest("hex")}`);
  }
}

async function hashOf(file: string): Promise<Hash> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash;
}
