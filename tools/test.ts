// The runner of `npm test`: installs what the tests need, runs every group in order, ends with one line of counts.
// `npm test -- NAME…` runs the groups whose name holds a NAME, else the test files whose path holds one; `--help` says so.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Group } from "./test-groups.ts";
import { chosenGroups, UnknownName, usage, withFiles } from "./test-groups.ts";
import { type Outcome, secondRunOf, type Verdict, verdictOf } from "./test-outcome.ts";
import { installDebianPackages } from "./test-packages.ts";

const ROOT = join(import.meta.dirname, "..");
const GROUP_DEADLINE_MS = 45 * 60_000;

const running = { stop: (_signal: NodeJS.Signals): void => {}, stopped: false };

async function main(names: string[]): Promise<void> {
  const groups = chosenGroups(ROOT, names);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      running.stopped = true;
      running.stop(signal);
    });
  }
  const scratch = mkdtempSync(join(tmpdir(), "evenkeel-test-"));
  try {
    const results = [];
    for (const group of groups) if (!running.stopped) results.push(await runGroup(group, scratch));
    report(results);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

interface Result extends Verdict {
  name: string;
  seconds: number;
}

async function runGroup(group: Group, scratch: string): Promise<Result> {
  console.log(`\n── ${group.name} ──`);
  const startedAt = performance.now();
  const done = (verdict: Verdict): Result => ({
    name: group.name,
    seconds: Math.round((performance.now() - startedAt) / 1000),
    ...verdict,
  });
  if (group.files?.length === 0) {
    console.log("skipped: there is no such test file yet");
    return done({ passed: 0, failed: 0, skipped: 1, remarks: [] });
  }
  try {
    installDebianPackages(group.packages);
  } catch (error) {
    console.log(`failed: ${error instanceof Error ? error.message : String(error)}`);
    return done({ passed: 0, failed: 1, skipped: 0, remarks: [] });
  }
  if (group.files === undefined) return done(ofCheck(await runToEnd(group.command, {})));
  const first = await runTests(group, scratch);
  const files = running.stopped ? [] : secondRunOf(first);
  if (files.length === 0) return done(verdictOf(first));
  console.log(`\n── ${group.name}, a second time: ${files.join(", ")} ──`);
  return done(verdictOf(first, await runTests(withFiles(group, files), scratch)));
}

function ofCheck(exit: number): Verdict {
  return { passed: exit === 0 ? 1 : 0, failed: exit === 0 ? 0 : 1, skipped: 0, remarks: [] };
}

async function runTests(group: Group, scratch: string): Promise<Outcome> {
  const outcomeFile = join(scratch, "outcome.json");
  rmSync(outcomeFile, { force: true });
  const exit = await runToEnd(group.command, { EVENKEEL_TEST_COUNTS: outcomeFile });
  const outcome = readOutcome(outcomeFile);
  // The runner itself may die after the last count.
  return exit !== 0 && outcome.failed === 0 ? died(outcome) : outcome;
}

const died = (outcome: Outcome): Outcome => ({
  ...outcome,
  failed: 1,
  failures: [{ file: "", line: "the runner of the tests ended with an error of its own" }],
});

function readOutcome(file: string): Outcome {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Outcome;
  } catch {
    return died({ passed: 0, failed: 1, skipped: 0, failures: [] });
  }
}

function runToEnd([program, ...args]: readonly [string, ...string[]], extra: Record<string, string>): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: ROOT,
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, ...extra },
    });
    running.stop = (signal) => child.kill(signal);
    const deadline = setTimeout(() => {
      console.log(`failed: not done after ${GROUP_DEADLINE_MS / 60_000} minutes`);
      child.kill("SIGTERM");
      setTimeout(() => child.kill("SIGKILL"), 10_000).unref();
    }, GROUP_DEADLINE_MS);
    child.on("error", (error) => {
      console.log(`failed: ${error.message}`);
      clearTimeout(deadline);
      resolve(1);
    });
    child.on("exit", (code) => {
      clearTimeout(deadline);
      resolve(code ?? 1);
    });
  });
}

function report(results: Result[]): void {
  console.log("");
  for (const { name, seconds, passed, failed, skipped, remarks } of results) {
    const verdict = failed > 0 ? "FAILED" : "ok";
    console.log(
      `${verdict.padEnd(7)}${name.padEnd(22)}${passed} passed, ${failed} failed, ${skipped} skipped (${seconds} s)`,
    );
    for (const remark of remarks) console.log(`       ${remark}`);
  }
  if (running.stopped) console.log("stopped before the end");
  const sum = (key: "passed" | "failed" | "skipped"): number =>
    results.reduce((total, result) => total + result[key], 0);
  console.log(`${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`);
  process.exitCode = sum("failed") > 0 || running.stopped ? 1 : 0;
}

try {
  const names = process.argv.slice(2);
  if (names.some((name) => name === "--help" || name === "-h")) console.log(usage(ROOT));
  else await main(names);
} catch (error) {
  if (!(error instanceof UnknownName)) throw error;
  console.log(error.message);
  process.exitCode = 1;
}
