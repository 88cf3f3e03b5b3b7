import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

test("what was compiled for a process that is killed is there for its successor", async () => {
  const folder = mkdtempSync(join(tmpdir(), "compiled "));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const module = new URL("./compile-cache.ts", import.meta.url).href;
  const script = `
    import { keepCompiled } from ${JSON.stringify(module)};
    keepCompiled();
    setInterval(() => undefined, 1e6);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    env: { ...process.env, NODE_COMPILE_CACHE: folder },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const files = (): string[] => readdirSync(folder, { recursive: true, encoding: "utf8" });
  // A folder for the version of Node, and what was compiled in it.
  await expect.poll(() => files().filter((name) => name.includes("/")), { timeout: 20_000 }).not.toEqual([]);
  child.kill("SIGKILL");
  await once(child, "exit");
});
