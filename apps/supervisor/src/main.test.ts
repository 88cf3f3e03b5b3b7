import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

test("a start that is refused says so in JSON where JSON was asked for, on the last line; else in words", () => {
  const home = mkdtempSync(join(tmpdir(), "refused "));
  const up = (...more: string[]) =>
    spawnSync(process.execPath, [join(import.meta.dirname, "main.ts"), "up", "--home", home, "--empty", ...more], {
      env: { ...process.env, EVENKEEL_PORT: "22" },
      encoding: "utf8",
    });
  try {
    const told = up("--json");
    expect(told.status).toBe(1);
    expect(JSON.parse(told.stdout.trim().split("\n").at(-1) ?? "")).toMatchObject({ error: { code: "INPUT_INVALID" } });
    expect(told.stderr).toBe("");
    const said = up();
    expect([said.status, said.stderr]).toEqual([1, expect.stringContaining("(INPUT_INVALID)")]);
    expect(said.stderr).toContain("EVENKEEL_PORT is 22");
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
