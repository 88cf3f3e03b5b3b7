import { writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";
import type { Failure, Outcome } from "./test-outcome.ts";

type Growing = Outcome & { failures: Failure[] };

/** Tells `npm test` the counts, each test that failed, and each skipped test with its reason. */
export class CountsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly { readonly message: string }[]): void {
    const outcome: Growing = { passed: 0, failed: 0, skipped: 0, failures: [] };
    for (const module of modules) count(module, outcome);
    // An error outside of any test (an unhandled rejection, a crashed worker) is one more that failed.
    for (const { message } of errors) fail(outcome, { file: "", line: `outside of any test: ${message}` });
    const file = process.env.EVENKEEL_TEST_COUNTS;
    if (file) writeFileSync(file, JSON.stringify(outcome));
  }
}

function count(module: TestModule, outcome: Growing): void {
  const file = module.relativeModuleId;
  const tests = [...module.children.allTests()];
  for (const test of tests) {
    const result = test.result();
    if (result.state === "passed") outcome.passed += 1;
    else if (result.state === "failed")
      fail(outcome, { file, line: `${test.fullName}: ${result.errors[0]?.message ?? ""}` });
    else {
      outcome.skipped += 1;
      const why = (result.state === "skipped" && result.note) || "no reason given";
      console.log(`skipped: ${why} – ${file}: ${test.fullName}`);
    }
  }
  // A file that cannot be loaded, or whose hooks fail, has no failed test of its own.
  if (module.state() === "failed" && !tests.some((test) => test.result().state === "failed"))
    fail(outcome, { file, line: module.errors()[0]?.message ?? "the file as a whole" });
}

function fail(outcome: Growing, { file, line }: Failure): void {
  outcome.failed += 1;
  outcome.failures.push({ file, line: line.split("\n", 1)[0]?.slice(0, 300) ?? "" });
}
