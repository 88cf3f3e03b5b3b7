import { Readable } from "node:stream";
import type { Digest } from "@evenkeel/contracts/id";
import type { RawReply } from "../http/index.ts";
import type { ByteRange, ObjectStore } from "../object-store/index.ts";

interface FoundObject {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** Gives an object, or the part of it that `Range` asks for. */
export function readObject(
  objects: ObjectStore,
  { digest, sizeBytes }: FoundObject,
  header: string | undefined,
): RawReply {
  const common = { "content-type": "application/octet-stream", "accept-ranges": "bytes", etag: `"${digest}"` };
  const range = rangeOf(header, sizeBytes);
  if (range === "none") {
    return { status: 416, headers: { ...common, "content-range": `bytes */${sizeBytes}` }, stream: Readable.from([]) };
  }
  if (range === null) {
    const headers = { ...common, "content-length": String(sizeBytes) };
    return { status: 200, headers, stream: objects.read(digest) };
  }
  const { start, end } = range;
  const headers = {
    ...common,
    "content-length": String(end - start + 1),
    "content-range": `bytes ${start}-${end}/${sizeBytes}`,
  };
  return { status: 206, headers, stream: objects.read(digest, range) };
}

/** One range, as RFC 9110 has it: `bytes=0-99`, `bytes=100-`, `bytes=-100`; anything else is as if it were not there. */
export function rangeOf(header: string | undefined, sizeBytes: number): ByteRange | "none" | null {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (first === "" && last === "") return null;
  const start = first === "" ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const end = first === "" || last === "" ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (first !== "" && last !== "" && Number(last) < Number(first)) return null;
  return start > end ? "none" : { start, end };
}
