import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { crc32, gzipSync } from "node:zlib";
import { ENTRY_LIMIT, UNPACKED_LIMIT_BYTES } from "@evenkeel/contracts/package";
import { Header } from "tar";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EntryGuard } from "./archive-entry.ts";
import { unpack } from "./unpack.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "evenkeel-unpack-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

type Entry = ConstructorParameters<typeof Header>[0] & { content?: string };

/** Writes a tar entry by entry, as no honest program would. */
function tar(entries: Entry[], size = 0): Buffer {
  const blocks = entries.flatMap((entry) => {
    const content = Buffer.from((entry as { content?: string }).content ?? "");
    const header = new Header({
      mode: 0o644,
      uid: 0,
      gid: 0,
      mtime: new Date(0),
      type: "File",
      ...(entry as object),
      size: size || content.length,
    } as never);
    const block = Buffer.alloc(512);
    header.encode(block);
    const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
    return [block, content, padding];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

async function unpackBytes(bytes: Buffer): Promise<string> {
  const archive = join(folder, "archive");
  await writeFile(archive, bytes);
  const target = join(folder, "into", "app");
  await mkdir(dirname(target), { recursive: true });
  await unpack(archive, target);
  return target;
}

async function everything(): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).filter((name) => name !== "archive" && name !== "into");
}

test.each<[string, Entry[], RegExp]>([
  [
    "goes up",
    [
      { path: "ok", content: "x" },
      { path: "../evil", content: "x" },
    ] as Entry[],
    /leaves the folder/,
  ],
  ["goes up in the middle", [{ path: "a/../../evil", content: "x" }] as Entry[], /leaves the folder/],
  ["is absolute", [{ path: "/tmp/evenkeel-evil", content: "x" }] as Entry[], /absolute/],
  [
    "is a link out of the folder",
    [{ path: "l", type: "SymbolicLink", linkpath: "../../etc" }] as Entry[],
    /link that leaves/,
  ],
  [
    "is an absolute link",
    [{ path: "l", type: "SymbolicLink", linkpath: "/etc/passwd" }] as Entry[],
    /link that leaves/,
  ],
  [
    "is a hard link out of the folder",
    [{ path: "l", type: "Link", linkpath: "../archive" }] as Entry[],
    /link that leaves/,
  ],
  ["is a device", [{ path: "null", type: "CharacterDevice", devmaj: 1, devmin: 3 }] as Entry[], /neither a file/],
  ["is a pipe", [{ path: "pipe", type: "FIFO" }] as Entry[], /neither a file/],
  [
    "lies below a file",
    [
      { path: "a", content: "x" },
      { path: "a/b", content: "x" },
    ] as Entry[],
    /below a file/,
  ],
  [
    "stands in it twice",
    [
      { path: "a", content: "x" },
      { path: "./a", content: "y" },
    ] as Entry[],
    /twice/,
  ],
  [
    "is a hard link to nothing",
    [{ path: "hard", type: "Link", linkpath: "missing" }] as Entry[],
    /hard link to no file/,
  ],
])("an archive with an entry that %s is refused, and nothing of it stays", async (_, entries, problem) => {
  for (const bytes of [tar(entries), gzipSync(tar(entries))]) {
    const refused = unpackBytes(bytes);
    await expect(refused).rejects.toMatchObject({ code: "PACKAGE_UNSAFE" });
    await expect(refused).rejects.toThrow(problem);
    expect(await everything()).toEqual([]);
  }
  await expect(stat("/tmp/evenkeel-evil")).rejects.toThrow();
});

test("a bomb is refused by what its headers announce, before its bytes are written", async () => {
  const guard = new EntryGuard(Number.MAX_SAFE_INTEGER);
  const entry = { path: "zeros", kind: "file", sizeBytes: UNPACKED_LIMIT_BYTES + 1, target: "" } as const;
  expect(() => guard.check(entry)).toThrow(/unpacks to more than/);
  const many = new EntryGuard(Number.MAX_SAFE_INTEGER);
  const small = (path: string) => ({ path, kind: "file", sizeBytes: 0, target: "" }) as const;
  for (let count = 0; count < ENTRY_LIMIT; count += 1) many.check(small(String(count)));
  expect(() => many.check(small("one more"))).toThrow(/unpacks to more than/);
  await expect(unpackBytes(tar([{ path: "zeros" } as Entry], UNPACKED_LIMIT_BYTES + 1))).rejects.toMatchObject({
    code: "PACKAGE_TOO_LARGE",
  });
  expect(await everything()).toEqual([]);
});

test("set-user bits do not survive, execution does, and links within the folder stay links", async () => {
  const app = await unpackBytes(
    tar([
      { path: "bin/run", mode: 0o6755, content: "#!/bin/sh\n" },
      { path: "bin/current", type: "SymbolicLink", linkpath: "run" },
      { path: "locked", mode: 0o000, content: "x" },
    ] as Entry[]),
  );
  expect((await stat(join(app, "bin/run"))).mode & 0o7777).toBe(0o755);
  expect(await readlink(join(app, "bin/current"))).toBe("run");
  expect((await stat(join(app, "locked"))).mode & 0o7777).toBe(0o600);
});

test.each([
  ["empty", Buffer.alloc(0)],
  ["cut off in the middle", gzipSync(tar([{ path: "a", content: "x".repeat(100_000) } as Entry])).subarray(0, 150)],
  ["no archive at all", Buffer.from("PK is how a zip begins, and this is none")],
])("an archive that is %s is unreadable, and nothing of it stays", async (_, bytes) => {
  await expect(unpackBytes(bytes)).rejects.toMatchObject({ code: "PACKAGE_UNREADABLE" });
  expect(await everything()).toEqual([]);
});

interface ZipEntry {
  readonly name: string;
  readonly text: string;
  readonly mode?: number;
}

/** Writes a zip of stored entries with whatever names and modes it is told. */
function zip(entries: ZipEntry[]): Buffer {
  let offset = 0;
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  for (const { name, text, mode = 0 } of entries) {
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(text), 10);
    common.writeUInt32LE(text.length, 14);
    common.writeUInt32LE(text.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, Buffer.from(name + text)]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((mode << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    // Made on Unix, version 2.0: only then the upper half of the attributes is a mode.
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02\x14\x03"), common, tail, Buffer.from(name)]));
    locals.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, central, Buffer.from("PK\x05\x06"), end]);
}

const link = (name: string, text: string): ZipEntry => ({ name, text, mode: 0o120777 });

test("a zip is unpacked with its modes and links", async () => {
  const app = await unpackBytes(
    zip([
      { name: "bin/run", text: "#!/bin/sh\n", mode: 0o104755 },
      { name: "data/file.txt", text: "hello".repeat(1000) },
      link("current", "bin/run"),
    ]),
  );
  expect((await stat(join(app, "bin/run"))).mode & 0o7777).toBe(0o755);
  expect(await readFile(join(app, "current"), "utf8")).toBe("#!/bin/sh\n");
  expect(await readFile(join(app, "data/file.txt"), "utf8")).toBe("hello".repeat(1000));
});

test.each([
  ["goes up", { name: "../evil", text: "x" }],
  ["is absolute", { name: "/tmp/evenkeel-evil", text: "x" }],
  ["is a link out of the folder", link("l", "../../etc")],
  ["is an absolute link", link("l", "/etc")],
  ["is a device", { name: "null", text: "", mode: 0o020666 }],
  ["lies below a file", { name: "ok/below", text: "x" }],
  ["stands in it twice", { name: "ok", text: "y" }],
  ["differs only by a slash", { name: "ok/", text: "" }],
])("a zip with an entry that %s is refused, and nothing of it stays", async (_, bad) => {
  await expect(unpackBytes(zip([{ name: "ok", text: "x" }, bad]))).rejects.toMatchObject({ code: "PACKAGE_UNSAFE" });
  expect(await everything()).toEqual([]);
});

test("nothing is written through a link that the archive itself has made", async () => {
  const outside = join(folder, "outside");
  await mkdir(outside);
  await symlink(outside, join(folder, "door"));
  const bytes = tar([
    { path: "a", type: "SymbolicLink", linkpath: "." },
    { path: "b", type: "SymbolicLink", linkpath: "a/.." },
    { path: "b/evil", content: "x" },
  ] as Entry[]);
  await unpackBytes(bytes).catch(() => undefined);
  expect(await readdir(folder, { recursive: true })).not.toContain("into/evil");
});
