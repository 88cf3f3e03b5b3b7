import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { createBase } from "./base.ts";
import { clearScratchFolders, makeScratchFolder } from "./scratch-folder.ts";

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), "evenkeel-scratch-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function pidOfDead(): Promise<number> {
  const child = spawn(process.execPath, ["-e", ""], { stdio: "ignore" });
  await once(child, "exit");
  return child.pid!;
}

/** What the system's folder for temporary files holds after a process with this number has been killed. */
function leftBy(pid: number): string[] {
  const own = makeScratchFolder("worker");
  rmSync(own, { recursive: true });
  return ["worker", "arklet"].map((kind) =>
    basename(own).replace("worker", kind).replace(`-${process.pid}.`, `-${pid}.`),
  );
}

test("folders of processes that were killed are taken away, with all that is in them, and nothing else", async () => {
  const folder = temporary();
  const dead = await pidOfDead();
  const gone = leftBy(dead);
  const others = [
    ...leftBy(process.pid),
    ...leftBy(1),
    // Made in a container that shares the folder: its numbers are not ours.
    `evenkeel-worker-${dead}.zzz-abcdef`,
    "evenkeel-worker-abcdef",
    `somebody-else-${dead}`,
  ];
  for (const name of [...gone, ...others]) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "0.sock"), "");
  }
  const link = gone[0]!.slice(0, -6).concat("linked");
  symlinkSync(join(folder, "somebody-else-".concat(String(dead))), join(folder, link));
  expect(await clearScratchFolders(folder)).toBe(2);
  expect(readdirSync(folder).sort()).toEqual([...others, link].sort());
  expect(readdirSync(join(folder, `somebody-else-${dead}`))).toEqual(["0.sock"]);
});

test("a base does so as it opens, and leaves nothing itself", async () => {
  const folder = temporary();
  vi.stubEnv("TMPDIR", folder);
  onTestFinished(() => void vi.unstubAllEnvs());
  const [gone = ""] = leftBy(await pidOfDead());
  mkdirSync(join(folder, gone));
  const base = await createBase({ name: "shop", version: "1.0.0", arklet: {}, watchdog: false });
  await expect.poll(() => existsSync(join(folder, gone))).toBe(false);
  expect(readdirSync(folder)).toMatchObject([expect.stringContaining(`-${process.pid}.`)]);
  await base.close();
  expect(readdirSync(folder)).toEqual([]);
});
