import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const LOCK = new URL("install-lock.mjs", import.meta.url).href;
const PROGRAM = `
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { withInstallLock } from ${JSON.stringify(LOCK)};
const [, log, folder, mode] = process.argv;
await withInstallLock(folder, () => {}, async () => {
  appendFileSync(log, "in\\n");
  if (mode === "hang") { process.stdout.write("holding\\n"); await sleep(600_000); }
  await sleep(20);
  appendFileSync(log, "out\\n");
});
`;

describe("the lock of an installation", () => {
  let folder = "";
  let log = "";
  const started = new Set<ReturnType<typeof spawn>>();

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "evenkeel-lock-"));
    log = join(folder, "log");
    writeFileSync(log, "");
  });
  afterEach(() => {
    for (const child of started) child.kill("SIGKILL");
    started.clear();
    rmSync(folder, { recursive: true, force: true });
  });

  function start(mode: "work" | "hang"): ReturnType<typeof spawn> {
    const child = spawn(process.execPath, ["--input-type=module", "-e", PROGRAM, log, join(folder, "lock"), mode], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    started.add(child);
    return child;
  }

  test("starts that come at once install one after another", async () => {
    const codes = await Promise.all(Array.from({ length: 6 }, async () => (await once(start("work"), "exit"))[0]));
    expect(codes).toEqual([0, 0, 0, 0, 0, 0]);
    expect(readFileSync(log, "utf8")).toBe("in\nout\n".repeat(6));
  });

  test("an installation that was killed holds nobody up, and only one of those waiting goes on at a time", async () => {
    const killed = start("hang");
    await once(killed.stdout!, "data");
    const waiting = Array.from({ length: 4 }, async () => (await once(start("work"), "exit"))[0]);
    killed.kill("SIGKILL");
    expect(await Promise.all(waiting)).toEqual([0, 0, 0, 0]);
    expect(readFileSync(log, "utf8")).toBe(`in\n${"in\nout\n".repeat(4)}`);
  });
});
