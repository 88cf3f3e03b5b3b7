import { createWriteStream } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip, gzipSync } from "node:zlib";
import { ENTRY_LIMIT, UNPACKED_LIMIT_BYTES } from "@evenkeel/contracts/package";
import { afterAll, beforeAll, expect, test } from "vitest";
import { goodPackage, type TriedEntry, tarOf, zipOf } from "./testing.ts";
import { verifyArchive } from "./verify-archive.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "evenkeel-archives-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function verify(bytes: Buffer) {
  const file = join(folder, "archive");
  await writeFile(file, bytes);
  return await verifyArchive(file);
}

test("a plain tar, a gzipped one and a zip are read whole", async () => {
  expect(await verify(goodPackage("12345"))).toEqual({ entries: 3, unpackedBytes: 5 });
  expect(await verify(tarOf([{ path: "a", content: "123" }]))).toEqual({ entries: 1, unpackedBytes: 3 });
  const zip = zipOf([
    { path: "bin/", content: "", mode: 0o040755 },
    { path: "bin/run", content: "#!/bin/sh\n", mode: 0o100755 },
    { path: "run", content: "bin/run", mode: 0o120777 },
    { path: "made-on-windows", content: "x", mode: 0 },
  ]);
  expect(await verify(zip)).toEqual({ entries: 4, unpackedBytes: 18 });
});

const link = (path: string, target: string): TriedEntry => ({ path, type: "SymbolicLink", target });

test.each<[string, TriedEntry[], string]>([
  ["a path that goes up", [{ path: "../outside" }], "leaves the folder"],
  ["a path that goes up in its middle", [{ path: "a/../../outside" }], "leaves the folder"],
  ["a path that goes up in the manner of Windows", [{ path: "a\\..\\..\\outside" }], "leaves the folder"],
  ["an absolute path", [{ path: "/etc/cron.d/evil" }], "has an absolute path"],
  ["an absolute path in the manner of Windows", [{ path: "C:\\evil" }], "has an absolute path"],
  ["a device", [{ path: "dev", type: "CharacterDevice" }], "is neither a file nor a folder nor a link"],
  ["a pipe", [{ path: "pipe", type: "FIFO" }], "is neither a file nor a folder nor a link"],
  ["a link to an absolute path", [link("etc", "/etc")], "is a link that leaves the folder"],
  ["a link that goes up too far", [link("a/up", "../../outside")], "is a link that leaves the folder"],
  ["a link that goes up after it went down", [link("up", "down/../..")], "is a link that leaves the folder"],
  [
    "a hard link that goes up",
    [{ path: "a/hard", type: "Link", target: "../passwd" }],
    "is a link that leaves the folder",
  ],
  [
    "a hard link to an absolute path",
    [{ path: "hard", type: "Link", target: "/etc/passwd" }],
    "is a link that leaves the folder",
  ],
  ["a file below a link", [link("here", "."), { path: "here/file" }], "lies below a link"],
  ["a link in the place of a folder", [{ path: "d/file" }, link("d", ".")], "is a link in the place of a folder"],
  ["a file in the place of a folder", [{ path: "d/file" }, { path: "d" }], "is a file in the place of a folder"],
  ["a file below a file", [{ path: "a" }, { path: "a/b" }], "lies below a file"],
  ["a file far below a file", [{ path: "a" }, { path: "a/b/c" }], "lies below a file"],
  ["the same entry twice", [{ path: "a" }, { path: "a" }], "stands in it twice"],
  ["the same entry with a dot before it", [{ path: "a" }, { path: "./a" }], "stands in it twice"],
  ["the same entry with a slash behind it", [{ path: "a" }, { path: "a/", type: "Directory" }], "stands in it twice"],
  [
    "the same folder twice",
    [
      { path: "d/", type: "Directory" },
      { path: "./d/", type: "Directory" },
    ],
    "stands in it twice",
  ],
  ["a hard link to nothing", [{ path: "hard", type: "Link", target: "gone" }], "is a hard link to no file before it"],
])("%s is refused, and the entry is named", async (_, entries, problem) => {
  const entry = entries.at(-1)!.path;
  const refused = { code: "PACKAGE_UNSAFE", facts: { entry, problem } };
  await expect(verify(tarOf(entries))).rejects.toMatchObject(refused);
  await expect(verify(gzipSync(tarOf([{ path: "good", content: "x" }, ...entries])))).rejects.toMatchObject(refused);
});

test.each([
  ["a path that goes up", { path: "../outside", content: "" }, "PACKAGE_UNSAFE"],
  ["an absolute path", { path: "/outside", content: "" }, "PACKAGE_UNSAFE"],
  ["a link that leaves", { path: "etc", content: "/etc", mode: 0o120777 }, "PACKAGE_UNSAFE"],
  ["a device", { path: "dev", content: "", mode: 0o020666 }, "PACKAGE_UNSAFE"],
  ["a file below a file", { path: "good/below", content: "" }, "PACKAGE_UNSAFE"],
  ["the same entry twice", { path: "good", content: "y" }, "PACKAGE_UNSAFE"],
  ["the same entry with a slash behind it", { path: "good/", content: "" }, "PACKAGE_UNSAFE"],
  ["content that is not what its checksum says", { path: "a", content: "abc", checksum: 1 }, "PACKAGE_UNREADABLE"],
])("%s in a zip is refused", async (_, entry, code) => {
  await expect(verify(zipOf([{ path: "good", content: "x" }, entry]))).rejects.toMatchObject({ code });
});

test.each<[string, () => Buffer]>([
  ["nothing", () => Buffer.alloc(0)],
  ["text", () => Buffer.from("this is no archive".repeat(100))],
  [
    "a tar that ends in the middle of a file",
    () => tarOf([{ path: "a", content: "x".repeat(5000) }]).subarray(0, 3000),
  ],
  ["a gzip that ends too early", () => goodPackage("x".repeat(5000)).subarray(0, 60)],
  ["a gzip in a gzip", () => gzipSync(goodPackage())],
  ["a zip that ends too early", () => zipOf([{ path: "a", content: "x".repeat(5000) }]).subarray(0, 3000)],
  ["a tar whose header was changed", () => Buffer.from(tarOf([{ path: "abc", content: "x" }])).fill("z", 0, 2)],
])("%s is unreadable", async (_, make) => {
  await expect(verify(make())).rejects.toMatchObject({ code: "PACKAGE_UNREADABLE" });
});

test("names that differ in case are different, and a folder may come after what lies in it", async () => {
  const entries: TriedEntry[] = [
    { path: "readme" },
    { path: "README" },
    { path: "d/file" },
    { path: "d/", type: "Directory" },
    { path: "./", type: "Directory" },
    { path: "hard", type: "Link", target: "d/file" },
  ];
  expect(await verify(tarOf(entries))).toMatchObject({ entries: entries.length });
});

test("a name that is not UTF-8 is refused, with what can be read of it", async () => {
  const bytes = tarOf([{ path: "abc", content: "x" }]);
  bytes[1] = 0xff;
  // The header's checksum: the sum of its bytes, its own eight counted as spaces.
  bytes.fill(0x20, 148, 156);
  const sum = bytes.subarray(0, 512).reduce((all, byte) => all + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  await expect(verify(bytes)).rejects.toMatchObject({
    code: "PACKAGE_UNSAFE",
    facts: { entry: "a\uFFFDc", problem: "has a name that is not UTF-8" },
  });
});

test.each<[string, () => Buffer]>([
  ["a tar without entries", () => tarOf([])],
  ["a gzipped tar without entries", () => gzipSync(Buffer.alloc(10_240))],
  ["a zip without entries", () => zipOf([])],
  ["a tar of folders alone", () => tarOf([{ path: "d/", type: "Directory" }])],
])("%s holds no file", async (_, make) => {
  await expect(verify(make())).rejects.toMatchObject({ code: "PACKAGE_WITHOUT_FILES" });
});

test("a header that claims more than the limit is refused before anything is unpacked", async () => {
  const bytes = tarOf([{ path: "huge", claimedBytes: UNPACKED_LIMIT_BYTES + 1 }]);
  await expect(verify(bytes)).rejects.toMatchObject({ code: "PACKAGE_TOO_LARGE" });
});

test("an archive with too many entries is refused, in bounded memory", async () => {
  const file = join(folder, "many");
  const blocks = function* () {
    for (let block = 0; block <= ENTRY_LIMIT / 1000; block += 1)
      yield tarOf(Array.from({ length: 1000 }, (_, index) => ({ path: `${block}-${index}` }))).subarray(0, -1024);
  };
  await pipeline(Readable.from(blocks()), createGzip({ level: 1 }), createWriteStream(file));
  const before = process.memoryUsage().rss;
  await expect(verifyArchive(file)).rejects.toMatchObject({ code: "PACKAGE_TOO_LARGE" });
  expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 ** 2);
});
