import { type FileHandle, open } from "node:fs/promises";
import { PlatformError } from "@evenkeel/contracts/error";
import { sentenceOf } from "../failure.ts";
import { type Bundle, digestOf, unpackBundle } from "./format.ts";

const READ_BYTES = 1024 ** 2;

/** Reads a bundle, if it is the one with this digest. */
export async function readBundle(path: string, expected: string): Promise<Bundle> {
  const bytes = await readWhole(path).catch((error: unknown) => {
    throw new PlatformError("BUNDLE_UNREADABLE", { path, problem: sentenceOf(error) }, { cause: error });
  });
  const found = digestOf(bytes);
  if (found !== expected) throw new PlatformError("BUNDLE_CORRUPT", { found, expected });
  return unpackBundle(bytes);
}

// `readFile` asks for the size first and waits for the close: two more turns of the thread pool, for each of which the installation would wait.
async function readWhole(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    return await readParts(file);
  } finally {
    file.close().catch(() => undefined);
  }
}

async function readParts(file: FileHandle): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(READ_BYTES), 0, READ_BYTES);
    const part = buffer.subarray(0, bytesRead);
    if (bytesRead < READ_BYTES && parts.length === 0) return part;
    parts.push(part);
    if (bytesRead < READ_BYTES) return Buffer.concat(parts);
  }
}
