import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { Digest } from "@evenkeel/contracts/id";
import type { UploadSource } from "../upload.ts";

/** A file on disk as the source of an upload; Node only. */
export async function fileSource(path: string): Promise<UploadSource> {
  const hash = createHash("sha256");
  for await (const bytes of createReadStream(path)) hash.update(bytes as Buffer);
  return {
    digest: Digest.parse(`sha256:${hash.digest("hex")}`),
    sizeBytes: (await stat(path)).size,
    async read(offset, length) {
      const file = await open(path);
      try {
        const bytes = new Uint8Array(length);
        const { bytesRead } = await file.read(bytes, 0, length, offset);
        return bytes.subarray(0, bytesRead);
      } finally {
        await file.close();
      }
    },
  };
}
