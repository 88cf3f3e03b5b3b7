import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";

const MAIN = join(import.meta.dirname, "../main.ts");
const source = (word: string): string =>
  `export const activate = () => ({ routes: (request, response) => response.end("${word}") });`;

test("module dev replaces the module at every save; a save that does not build leaves what served", async () => {
  const folder = mkdtempSync(join(tmpdir(), "evenkeel-dev-test-"));
  const save = (text: string) => writeFileSync(join(folder, "index.js"), text);
  writeFileSync(join(folder, "module.yaml"), "name: own\nversion: 1.0.0\nprovides: { routes: [{ path: / }] }\n");
  save(source("one"));
  const child = spawn(process.execPath, [MAIN, "module", "dev", folder], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const until = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error("it ended");
      const found = pattern.exec(String(value));
      if (found) return found[1] ?? found[0];
    }
  };
  const ended = once(child, "exit");
  try {
    const url = await until(/base on (\S+)/);
    const serves = async (): Promise<string> => (await fetch(url)).text();
    await until(/own@1\.0\.0-dev\.\d+\.\d+ serves/);
    expect(await serves()).toBe("one");
    save(source("two"));
    await until(/serves/);
    await expect.poll(serves, { timeout: 60_000 }).toBe("two");
    save("export const = 1;");
    await until(/cannot be built/);
    expect(await serves()).toBe("two");
    save('const open = () => { throw new Error("no table"); };\nexport const activate = () => open();');
    await until(/could not be activated: no table/);
    expect(await until(/│ (at .*)/)).toMatch(/^at open \(module:own@.*\/index\.js:\d+:\d+\)$/);
    save(source("three"));
    await expect.poll(serves, { timeout: 60_000 }).toBe("three");
  } finally {
    child.kill("SIGINT");
    expect(await ended).toEqual([0, null]);
    rmSync(folder, { recursive: true });
  }
}, 180_000);
