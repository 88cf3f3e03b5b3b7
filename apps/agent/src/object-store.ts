import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PlatformError } from "@evenkeel/contracts/error";
import type { Digest } from "@evenkeel/contracts/id";
import { makeFolder, syncFolder } from "@evenkeel/kit/durable-file";
import { assertSpace, onDisk } from "./disk.ts";

// 1. A file under its digest is whole and durable: verified, fsynced, then renamed.
// 2. What arrived before a cut or a kill stays in `.part` and is not fetched again.
// 3. Two commands that want the same object share one fetch.

const RETRY_MS = 200;
const RETRY_MAX_MS = 2000;
const STALL_MS = 10_000;
const HOUR_MS = 3_600_000;

export interface ObjectSource {
  /** Where to ask, the best first. */
  urls(): readonly string[];
  credential(): string;
}

export interface ObjectWanted {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** Content-addressed objects of this host. */
export class ObjectStore {
  readonly #folder: string;
  readonly #source: ObjectSource;
  readonly #underWay = new Map<Digest, Promise<number>>();

  constructor(folder: string, source: ObjectSource) {
    this.#folder = folder;
    this.#source = source;
  }

  pathOf(digest: Digest): string {
    return join(this.#folder, digest.replace(":", "-"));
  }

  async has({ digest, sizeBytes }: ObjectWanted): Promise<boolean> {
    return (await sizeOf(this.pathOf(digest))) === sizeBytes;
  }

  /** Brings the object unless it is here; answers the bytes that crossed the wire. */
  async fetch(wanted: ObjectWanted, signal: AbortSignal): Promise<number> {
    const path = this.pathOf(wanted.digest);
    if (await this.has(wanted)) {
      const now = new Date();
      await utimes(path, now, now);
      return 0;
    }
    const shared = this.#underWay.get(wanted.digest);
    if (shared === undefined) return await this.#begin(wanted, signal);
    // The one who began it may have come to its own deadline: then it is ours to go on.
    await shared.catch(() => undefined);
    return (await this.has(wanted)) ? 0 : await this.#begin(wanted, signal);
  }

  /** Removes objects that no revision refers to and nobody has asked for within the hour. */
  async collect(referred: ReadonlySet<Digest>): Promise<void> {
    const kept = new Set([...referred].map((digest) => this.pathOf(digest)));
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      const age = Date.now() - ((await stat(path).catch(() => null))?.mtimeMs ?? Date.now());
      if (!kept.has(path) && age > (name.endsWith(".part") ? 24 : 1) * HOUR_MS) await rm(path, { force: true });
    }
  }

  #begin(wanted: ObjectWanted, signal: AbortSignal): Promise<number> {
    const fetching = this.#fetch(wanted, signal).finally(() => this.#underWay.delete(wanted.digest));
    this.#underWay.set(wanted.digest, fetching);
    return fetching;
  }

  async #fetch(wanted: ObjectWanted, signal: AbortSignal): Promise<number> {
    await makeFolder(this.#folder, 0o700);
    const part = `${this.pathOf(wanted.digest)}.part`;
    const needed = wanted.sizeBytes - ((await sizeOf(part)) ?? 0);
    await assertSpace(this.#folder, needed);
    return await onDisk(this.#folder, () => needed, {
      run: () => this.#fetchVerified(wanted, part, signal),
      clear: () => rm(part, { force: true }),
    });
  }

  async #fetchVerified(wanted: ObjectWanted, part: string, signal: AbortSignal): Promise<number> {
    let wireBytes = 0;
    // A part from before a power cut may hold anything: when it turns out wrong, once more from the beginning.
    for (let attempt = 1; ; attempt += 1) {
      const resumed = ((await sizeOf(part)) ?? 0) > 0;
      const result = await this.#fetchAll(wanted, part, signal);
      wireBytes += result.wireBytes;
      if (result.digest === wanted.digest) break;
      await rm(part, { force: true });
      if (!resumed || attempt > 1) throw new PlatformError("OBJECT_CORRUPT", { digest: wanted.digest });
    }
    await rename(part, this.pathOf(wanted.digest));
    await syncFolder(dirname(part));
    return wireBytes;
  }

  async #fetchAll(
    wanted: ObjectWanted,
    part: string,
    signal: AbortSignal,
  ): Promise<{ wireBytes: number; digest: string }> {
    const hash = createHash("sha256");
    let have = await hashFile(part, hash);
    let wireBytes = 0;
    let pauseMs = RETRY_MS;
    for (let attempt = 0; have < wanted.sizeBytes; attempt += 1) {
      const url = this.#source.urls()[attempt % this.#source.urls().length] ?? "";
      const piece = await this.#fetchPiece({ wanted, part, url, have, hash }, signal);
      have += piece.bytes;
      wireBytes += piece.bytes;
      if (have >= wanted.sizeBytes) break;
      if (piece.final !== null) throw piece.final;
      if (signal.aborted) throw new PlatformError("FETCH_FAILED", { problem: piece.problem });
      pauseMs = piece.bytes > 0 ? RETRY_MS : Math.min(pauseMs * 2, RETRY_MAX_MS);
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
    return { wireBytes, digest: `sha256:${hash.digest("hex")}` };
  }

  async #fetchPiece({ wanted, part, url, have, hash }: Piece, signal: AbortSignal): Promise<PieceResult> {
    let bytes = 0;
    const file = await open(part, "a", 0o600);
    const stall = new AbortController();
    const watch = setTimeout(() => stall.abort(new Error(`no byte for ${STALL_MS / 1000} s`)), STALL_MS);
    try {
      const response = await fetch(`${url}/api/v1/objects/${wanted.digest}`, {
        headers: {
          authorization: `Bearer ${this.#source.credential()}`,
          range: `bytes=${have}-`,
          "accept-encoding": "identity",
        },
        signal: AbortSignal.any([signal, stall.signal]),
      });
      const refusal = refusalOf(response, have);
      if (refusal !== null) return { bytes, ...refusal };
      for await (const chunk of response.body ?? []) {
        // A server that has more than it said: the digest will not fit, and the disk was not asked for more.
        const rest = chunk.subarray(0, wanted.sizeBytes - have - bytes);
        await file.writeFile(rest);
        hash.update(rest);
        bytes += rest.length;
        watch.refresh();
      }
      return { bytes, problem: "the connection ended early", final: null };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOSPC") throw error;
      return { bytes, problem: describe(error), final: null };
    } finally {
      clearTimeout(watch);
      // What was written survives a power cut; a kill it survives anyway.
      await file.sync();
      await file.close();
    }
  }
}

interface Piece {
  readonly wanted: ObjectWanted;
  readonly part: string;
  readonly url: string;
  readonly have: number;
  readonly hash: Hash;
}

interface PieceResult {
  readonly bytes: number;
  readonly problem: string;
  /** Set where another try would be answered the same. */
  readonly final: PlatformError | null;
}

function refusalOf(response: Response, have: number): Omit<PieceResult, "bytes"> | null {
  const ranged = response.status === 206 || (response.status === 200 && have === 0);
  if (ranged) return null;
  void response.body?.cancel();
  const problem = `the control plane answered ${response.status}${response.status === 200 ? " without the range" : ""}`;
  const hopeless = response.status === 404 || response.status === 403;
  return { problem, final: hopeless ? new PlatformError("FETCH_FAILED", { problem }) : null };
}

function describe(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message || message : message;
}

async function sizeOf(path: string): Promise<number | null> {
  return (await stat(path).catch(() => null))?.size ?? null;
}

async function hashFile(path: string, hash: Hash): Promise<number> {
  let bytes = 0;
  if ((await sizeOf(path)) === null) return 0;
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  return bytes;
}
