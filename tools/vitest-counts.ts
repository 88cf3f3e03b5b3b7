import { writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";
import type { Counts } from "./test-groups.ts";

/** Tells `npm test` the counts, and each skipped test with its reason. */
export class CountsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    // An error outside of any test (an unhandled rejection, a crashed worker) is one more that failed.
    const counts: Counts = { passed: 0, failed: errors.length, skipped: 0 };
    for (const module of modules) count(module, counts);
    const file = process.env.EVENKEEL_TEST_COUNTS;
    if (file) writeFileSync(file, JSON.stringify(counts));
  }
}

function count(module: TestModule, counts: Counts): void {
  const tests = [...module.children.allTests()];
  for (const test of tests) {
    const result = test.result();
    if (result.state === "passed") counts.passed += 1;
    else if (result.state === "failed") counts.failed += 1;
    else {
      counts.skipped += 1;
      const why = (result.state === "skipped" && result.note) || "no reason given";
      console.log(`skipped: ${why} – ${module.relativeModuleId}: ${test.fullName}`);
    }
  }
  // A file that cannot be loaded, or whose hooks fail, has no failed test of its own.
  if (module.state() === "failed" && !tests.some((test) => test.result().state === "failed")) counts.failed += 1;
}
