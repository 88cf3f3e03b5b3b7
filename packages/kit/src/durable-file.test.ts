import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { readJson, writeDurable, writeDurableJson } from "./durable-file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "durable-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const Pair = z.strictObject({ a: z.int(), b: z.int() });

test("what was written is read, with the mode that was asked for", async () => {
  const path = join(folder, "pair.json");
  await writeDurableJson(path, { a: 1, b: 2 }, 0o600);
  expect(await readJson(path, Pair)).toEqual({ a: 1, b: 2 });
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a missing file reads as null; a damaged or foreign one is refused with its path", async () => {
  const path = join(folder, "pair.json");
  expect(await readJson(path, Pair)).toBeNull();
  writeFileSync(path, '{"a": 1, "b"');
  await expect(readJson(path, Pair)).rejects.toMatchObject({ code: "FILE_DAMAGED", facts: { path } });
  writeFileSync(path, '{"a": 1, "b": "two"}');
  await expect(readJson(path, Pair)).rejects.toMatchObject({ code: "FILE_DAMAGED", facts: { path } });
});

test("a folder that is not there is a clear error", async () => {
  const path = join(folder, "missing", "file");
  await expect(writeDurable(path, "text")).rejects.toMatchObject({ code: "FILE_UNUSABLE", facts: { path } });
});

test("a writer killed at any moment leaves the old content or the new, whole", async () => {
  const path = join(folder, "long");
  const module = new URL("./durable-file.ts", import.meta.url).pathname;
  const script = `
    import { writeDurable } from ${JSON.stringify(module)};
    for (let n = 0; ; n += 1) {
      await writeDurable(process.argv[1], (String(n % 10)).repeat(1_000_000));
      if (n === 0) console.log("written once");
    }
  `;
  for (let round = 0; round < 6; round += 1) {
    const child = spawn(process.execPath, ["--input-type=module", "-e", script, path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    await new Promise((resolve) => setTimeout(resolve, 30 + Math.random() * 40));
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
    const text = readFileSync(path, "utf8");
    expect(text.length).toBe(1_000_000);
    expect(new Set(text).size).toBe(1);
  }
});
