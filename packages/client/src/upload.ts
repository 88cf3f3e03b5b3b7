import { PlatformError } from "@evenkeel/contracts/error";
import type { Digest } from "@evenkeel/contracts/id";
import type { Package, Upload } from "@evenkeel/contracts/package";
import { pause } from "./call.ts";
import type { Client } from "./client.ts";

/** The bits of a package, readable at any offset. */
export interface UploadSource {
  readonly digest: Digest;
  readonly sizeBytes: number;
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

export interface UploadOrder {
  readonly application: string;
  readonly version: string;
  readonly source: UploadSource;
  readonly onProgress?: (progress: { sentBytes: number; sizeBytes: number }) => void;
  readonly signal?: AbortSignal;
}

/** One piece, in bytes: small enough for a smooth progress bar, large enough for a fast link. */
const PIECE_BYTES = 4 * 1024 ** 2;
/** The last piece is answered after the whole archive was verified. */
const PIECE_TIMEOUT_MS = 600_000;
/** Failures in a row, without a byte of progress between them. */
const TRIES = 12;
const LONGEST_PAUSE_MS = 3000;

/** Uploads a package in pieces and goes on after cuts where the control plane stands; the same bits twice are one package. */
export async function uploadPackage(client: Client, order: UploadOrder): Promise<Package> {
  const { application, version, source, onProgress, signal } = order;
  const begin = () =>
    client.beginUpload({
      body: { application, version, digest: source.digest, sizeBytes: source.sizeBytes },
      ...(signal === undefined ? {} : { signal }),
    });
  let upload = await begin();
  let failures = 0;
  while (upload.package === null) {
    onProgress?.({ sentBytes: upload.offset, sizeBytes: source.sizeBytes });
    const before = upload.offset;
    try {
      upload = await sendNext(client, { upload, order });
    } catch (error) {
      if (signal?.aborted || !mayContinue(error)) throw error;
      failures += 1;
      if (failures > TRIES) throw error;
      await pause(Math.min(100 * 2 ** failures, LONGEST_PAUSE_MS), signal);
      upload = await begin().catch((again: unknown) => {
        if (!mayContinue(again)) throw again;
        return upload;
      });
    }
    if (upload.offset > before) failures = 0;
  }
  onProgress?.({ sentBytes: source.sizeBytes, sizeBytes: source.sizeBytes });
  return upload.package;
}

async function sendNext(client: Client, { upload, order }: { upload: Upload; order: UploadOrder }): Promise<Upload> {
  const { source, signal } = order;
  const length = Math.min(PIECE_BYTES, source.sizeBytes - upload.offset);
  return client.sendPiece({
    params: { uploadId: upload.id },
    query: { offset: upload.offset },
    body: await source.read(upload.offset, length),
    timeoutMs: PIECE_TIMEOUT_MS,
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Cut, busy, or another standing than we thought: ask where it stands and go on. */
function mayContinue(error: unknown): boolean {
  if (!(error instanceof PlatformError)) return false;
  return ["CONTROL_PLANE_UNREACHABLE", "UNAVAILABLE", "UPLOAD_OFFSET_WRONG"].includes(error.code);
}
