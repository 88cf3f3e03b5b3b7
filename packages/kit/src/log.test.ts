import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { logTo, rotateLog } from "./log.ts";

test("secrets are blanked at any depth that we log", () => {
  const lines: string[] = [];
  const log = logTo({ write: (line) => void lines.push(line) }, { part: "test" });
  log.info(
    { token: "s3cret", request: { headers: { authorization: "Bearer s3cret" } }, host: { credential: "s3cret" } },
    "joined",
  );
  expect(lines.join("")).not.toContain("s3cret");
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ part: "test", msg: "joined", token: "[redacted]" });
});

test("a log that grows too large is rotated while another process writes it, and keeps its number of old files", async () => {
  const folder = mkdtempSync(join(tmpdir(), "log-"));
  const path = join(folder, "out.log");
  const file = openSync(path, "a");
  const child = spawn("sh", ["-c", "while :; do echo 0123456789012345678901234567890123456789; done"], {
    stdio: ["ignore", file, file],
  });
  for (let rotated = 0; rotated < 4; ) if (await rotateLog(path, { maxBytes: 100_000, keep: 2 })) rotated += 1;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
  // Without append the writer would go on at its old offset, behind a hole of zeros.
  expect(readFileSync(path, "utf8")).not.toContain("\0");
  expect(statSync(`${path}.1`).size).toBeGreaterThan(100_000);
  expect([existsSync(`${path}.2`), existsSync(`${path}.3`)]).toEqual([true, false]);
  rmSync(folder, { recursive: true });
});
