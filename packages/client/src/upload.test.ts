import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newId, PackageId, UploadId } from "@evenkeel/contracts/id";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createClient } from "./client.ts";
import { fileSource } from "./node/file-source.ts";
import { type Asked, sendProblem, startServer, type TestServer } from "./test-server.ts";
import { uploadPackage } from "./upload.ts";

const SIZE = 10 * 1024 * 1024 + 17;
let folder: string;
let server: TestServer;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "upload-"));
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** An upload as the API tells of it: it stands at what has arrived, and is a package when all has. */
function store(cut: (asked: Asked, piece: number) => boolean) {
  const id = newId(UploadId, "upl");
  let received = Buffer.alloc(0);
  let pieces = 0;
  const about = { application: "shop", version: "1.0.0", unpackedBytes: 1, entries: 1, uploadedBy: "ann" };
  const packageOf = () => ({
    ...{ id: newId(PackageId, "pkg"), ...about, sizeBytes: SIZE, uploadedAt: "2026-01-01T00:00:00.000Z" },
    digest: `sha256:${createHash("sha256").update(received).digest("hex")}`,
  });
  const view = () => ({
    id,
    offset: received.length,
    sizeBytes: SIZE,
    package: received.length < SIZE ? null : packageOf(),
  });
  const answer = (asked: Asked) => {
    if (asked.request.method !== "PATCH") return view();
    pieces += 1;
    const offset = Number(asked.url.searchParams.get("offset"));
    if (offset !== received.length)
      return sendProblem(asked.response, "UPLOAD_OFFSET_WRONG", { offset: received.length });
    const broken = cut(asked, pieces);
    received = Buffer.concat([received, broken ? asked.body.subarray(0, 1000) : asked.body]);
    return broken ? asked.response.destroy() : view();
  };
  return { answer, pieces: () => pieces };
}

test("an upload goes on where the control plane stands after a cut, and every byte arrives once", async () => {
  const { answer } = store((_, piece) => piece === 2);
  server = await startServer(answer);
  const bytes = randomBytes(SIZE);
  writeFileSync(join(folder, "shop.tar.gz"), bytes);
  const source = await fileSource(join(folder, "shop.tar.gz"));
  const progress: number[] = [];
  const pkg = await uploadPackage(createClient({ url: server.url, patienceMs: 0 }), {
    ...{ application: "shop", version: "1.0.0", source },
    onProgress: ({ sentBytes }) => progress.push(sentBytes),
  });
  expect(pkg.digest).toBe(source.digest);
  expect(progress).toEqual([...progress].sort((a, b) => a - b));
  expect(progress.at(-1)).toBe(SIZE);
  expect(progress).toContain(4 * 1024 ** 2 + 1000);
});

test("an upload that is refused ends with the cause and is not tried again", async () => {
  const { answer, pieces } = store(() => false);
  server = await startServer((asked) => {
    if (asked.request.method !== "PATCH") return answer(asked);
    answer(asked);
    return sendProblem(asked.response, "PACKAGE_UNSAFE", { entry: "../x", problem: "leaves the folder" });
  });
  writeFileSync(join(folder, "shop.tar.gz"), randomBytes(SIZE));
  const source = await fileSource(join(folder, "shop.tar.gz"));
  const uploading = uploadPackage(createClient({ url: server.url }), { application: "shop", version: "1.0.0", source });
  await expect(uploading).rejects.toMatchObject({ code: "PACKAGE_UNSAFE" });
  expect(pieces()).toBe(1);
});
