import { open, stat, truncate, writeFile } from "node:fs/promises";
import type { Output } from "@evenkeel/contracts/agent-protocol";
import { readTextIfThere } from "@evenkeel/kit/durable-file";

/** What an outcome keeps of either end of an output, in bytes. */
const KEPT_BYTES = 4096;
/** A script's output is cut back to nothing when it is larger, in bytes; its head is kept, what went is counted. */
const FILE_LIMIT_BYTES = 16 * 1024 ** 2;
const PIECE_BYTES = 65_536;

/** Size of a file in bytes; 0 where there is none. */
export async function sizeOfFile(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0;
}

/** Bytes of the file from an offset, at most one piece. */
export async function readPiece(path: string, offset: number, limit = PIECE_BYTES): Promise<Buffer> {
  const file = await open(path, "r").catch(() => null);
  if (file === null) return Buffer.alloc(0);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(limit), 0, limit, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Head and tail of a file from an offset on. */
export async function readOutput(path: string, from = 0): Promise<Output> {
  const size = await sizeOfFile(path);
  const start = Math.min(from, size);
  if (size - start <= 2 * KEPT_BYTES) {
    return { head: (await readPiece(path, start, 2 * KEPT_BYTES)).toString("utf8"), gapBytes: 0, tail: "" };
  }
  const head = (await readPiece(path, start, KEPT_BYTES)).toString("utf8");
  const tail = (await readPiece(path, size - KEPT_BYTES, KEPT_BYTES)).toString("utf8");
  return { head, gapBytes: size - start - 2 * KEPT_BYTES, tail };
}

/** What went when an output was cut back: its first and last, and how many bytes beyond the first. */
interface Cut {
  readonly head: string;
  readonly bytes: number;
  readonly tail: string;
}

/** The output file of one script: followed while it grows, cut back when it grows without end. */
export class ScriptOutput {
  readonly #path: string;
  #offset = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** What was written since the last look. */
  async news(): Promise<string> {
    const size = await sizeOfFile(this.#path);
    if (size < this.#offset) this.#offset = 0;
    if (size === this.#offset) return "";
    const piece = await readPiece(this.#path, this.#offset);
    this.#offset += piece.length;
    if (size > FILE_LIMIT_BYTES) await this.#cutBack(size);
    return piece.toString("utf8");
  }

  /** Head and tail over everything it ever wrote. */
  async read(): Promise<Output> {
    const now = await readOutput(this.#path);
    const cut = await this.#cut();
    if (cut === null) return now;
    const rest = now.tail === "" ? now.head : now.tail;
    const tail = `${cut.tail}${rest}`.slice(-KEPT_BYTES);
    return { head: cut.head, gapBytes: cut.bytes + (await sizeOfFile(this.#path)) - Buffer.byteLength(tail), tail };
  }

  async #cut(): Promise<Cut | null> {
    const text = await readTextIfThere(`${this.#path}.cut`);
    return text === null ? null : (JSON.parse(text) as Cut);
  }

  async #cutBack(size: number): Promise<void> {
    const before = await this.#cut();
    const head = before?.head ?? (await readPiece(this.#path, 0, KEPT_BYTES)).toString("utf8");
    const bytes = (before?.bytes ?? -Buffer.byteLength(head)) + size;
    const tail = (await readPiece(this.#path, size - KEPT_BYTES, KEPT_BYTES)).toString("utf8");
    const cut: Cut = { head, bytes, tail };
    await writeFile(`${this.#path}.cut`, JSON.stringify(cut));
    // What the script writes between this look and the cut is lost; it is open for append and goes on at the beginning.
    await truncate(this.#path, 0);
    this.#offset = 0;
  }
}

/** Two streams as one output: the first, then the second. */
export function joinOutputs(one: Output, other: Output): Output {
  if (whole(one) === "") return other;
  if (whole(other) === "") return one;
  const text = `${whole(one)}\n${whole(other)}`;
  const gapBytes = one.gapBytes + other.gapBytes;
  if (text.length <= 2 * KEPT_BYTES) return { head: text, gapBytes, tail: "" };
  return {
    head: text.slice(0, KEPT_BYTES),
    gapBytes: gapBytes + text.length - 2 * KEPT_BYTES,
    tail: text.slice(-KEPT_BYTES),
  };
}

function whole({ head, gapBytes, tail }: Output): string {
  return gapBytes > 0 ? `${head}\n… ${gapBytes} bytes …\n${tail}` : head + tail;
}
