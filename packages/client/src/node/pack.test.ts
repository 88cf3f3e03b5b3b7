import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { list } from "tar";
import { afterEach, beforeEach, expect, test } from "vitest";
import { packFolder } from "./pack.ts";
import { gitVersion, timeVersion } from "./version.ts";

let base: string;
let folder: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "pack-"));
  folder = join(base, "shop");
  mkdirSync(folder);
  put("server.js", "console.log('shop')");
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

function put(path: string, text: string, mode = 0o644): void {
  mkdirSync(join(folder, path, ".."), { recursive: true });
  writeFileSync(join(folder, path), text);
  chmodSync(join(folder, path), mode);
}

const pack = (from = folder) => packFolder(from, join(base, "out.tar.gz"));

async function packedPaths(): Promise<string[]> {
  const { file } = await pack();
  const paths: string[] = [];
  await list({ file, onReadEntry: (entry) => paths.push(entry.path) });
  return paths;
}

test("the same content gives the same bits, whatever its times, its place, its owner's mask and the order of its making", async () => {
  put("lib/b.js", "b");
  put("lib/a.js", "a");
  put("run.sh", "#!/bin/sh\n", 0o755);
  const first = await pack();
  const copy = join(base, "elsewhere");
  mkdirSync(join(copy, "lib"), { recursive: true });
  for (const path of ["run.sh", "lib/a.js", "lib/b.js", "server.js"]) cpSync(join(folder, path), join(copy, path));
  utimesSync(join(copy, "server.js"), 1, 1);
  chmodSync(join(copy, "server.js"), 0o600);
  chmodSync(join(copy, "run.sh"), 0o700);
  const second = await pack(copy);
  expect(second.digest).toBe(first.digest);
  expect(second.sizeBytes).toBe(readFileSync(second.file).length);
});

test("another content, name or executable bit gives other bits", async () => {
  const { digest } = await pack();
  put("server.js", "console.log('shop!')");
  const second = (await pack()).digest;
  put("server.js", "console.log('shop!')", 0o755);
  const third = (await pack()).digest;
  expect(new Set([digest, second, third]).size).toBe(3);
});

test("two names of one file are packed as two files", async () => {
  linkSync(join(folder, "server.js"), join(folder, "again.js"));
  const types: string[] = [];
  await list({ file: (await pack()).file, onReadEntry: (entry) => types.push(entry.type) });
  expect(types).toEqual(["File", "File"]);
});

test("the manifest, .git and what .gitignore names stay outside, deeper rules included", async () => {
  put("evenkeel.yaml", "application: shop");
  put(".git/HEAD", "ref");
  put(".gitignore", "*.log\n/dist\n!keep.log\n");
  put("x.log", "");
  put("keep.log", "");
  put("dist/out.js", "");
  put("lib/.gitignore", "secret\n");
  put("lib/secret", "");
  put("lib/a.js", "");
  put("node_modules/left/index.js", "");
  expect(await packedPaths()).toEqual(
    [".gitignore", "keep.log", "lib/", "lib/.gitignore", "lib/a.js", "node_modules/", "node_modules/left/"]
      .concat(["node_modules/left/index.js", "server.js"])
      .sort(),
  );
});

test(".evenkeelignore takes the place of .gitignore", async () => {
  put(".gitignore", "dist\n");
  put(".evenkeelignore", "src\n");
  put("dist/out.js", "");
  put("src/in.ts", "");
  expect(await packedPaths()).toEqual([".gitignore", "dist/", "dist/out.js", "server.js"]);
});

test("a link inside the package is kept, one that leaves it is refused by name", async () => {
  symlinkSync("server.js", join(folder, "main.js"));
  expect(await packedPaths()).toContain("main.js");
  symlinkSync("../../etc/passwd", join(folder, "out"));
  await expect(pack()).rejects.toMatchObject({ code: "PACKAGE_UNSAFE", facts: { entry: "out" } });
  rmSync(join(folder, "out"));
  symlinkSync(join(folder, "server.js"), join(folder, "absolute"));
  await expect(pack()).rejects.toMatchObject({ code: "PACKAGE_UNSAFE", facts: { entry: "absolute" } });
});

test("a socket is refused by name", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(folder, "door"), resolve));
  try {
    await expect(pack()).rejects.toMatchObject({ code: "PACKAGE_UNSAFE", facts: { entry: "door" } });
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

test("a folder with nothing to pack is an error", async () => {
  rmSync(join(folder, "server.js"));
  await expect(pack()).rejects.toMatchObject({ code: "PACKAGE_EMPTY" });
});

test("a script with Windows line ends is warned of when it is packed", async () => {
  put("run.sh", "#!/bin/sh\r\necho hi\r\n", 0o755);
  put("notes.txt", "one\r\ntwo\r\n");
  const { warnings } = await pack();
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain("run.sh has Windows line ends");
});

test("a package without a version is called as git describes it, and two states of uncommitted work differ", async () => {
  const { digest } = await pack();
  expect(timeVersion(new Date("2026-03-04T05:06:07Z"))).toBe("20260304-050607");
  expect(await gitVersion(folder, digest)).toBeNull();
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", "-C", folder, ...args]);
  git("init", "-q");
  git("add", ".");
  git("commit", "-qm", "first");
  git("tag", "release/1.2.0");
  expect(await gitVersion(folder, digest)).toBe("release-1.2.0");
  put("server.js", "changed");
  expect(await gitVersion(folder, digest)).toBe(`release-1.2.0-dirty.${digest.slice(7, 14)}`);
});
