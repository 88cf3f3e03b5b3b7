import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import type { Outcome } from "./test-outcome.ts";

const ROOT = join(import.meta.dirname, "..");

test("npm test counts what passed, failed and was skipped, a file that cannot be loaded and an error outside of tests as failed, and tells why one was skipped, and names what failed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "evenkeel-counts-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const counts = join(folder, "counts.json");
  const run = promisify(execFile)(
    process.execPath,
    [join(ROOT, "node_modules/vitest/vitest.mjs"), "run", "--root", "tools/fixtures/vitest"],
    { cwd: ROOT, env: { PATH: process.env.PATH, EVENKEEL_TEST_COUNTS: counts } },
  );
  const failure: unknown = await run.catch((error: unknown) => error);
  expect(failure).toMatchObject({
    code: 1,
    stdout: expect.stringContaining("skipped: no server here – mixed.test.ts: has no server"),
  });
  const { failures, ...rest } = JSON.parse(readFileSync(counts, "utf8")) as Outcome;
  expect(rest).toEqual({ passed: 2, failed: 3, skipped: 1 });
  expect(failures.map(({ file, line }) => `${file}: ${line}`).sort()).toEqual([
    ": outside of any test: nobody waits for this",
    "broken.test.ts: this file cannot be loaded",
    "mixed.test.ts: fails: expected 1 to be 2 // Object.is equality",
  ]);
});
