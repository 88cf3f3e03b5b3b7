import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { CountsReporter } from "./tools/vitest-counts.ts";

// A failure that comes once in a hundred runs is told in one line at the end: that line says what was there.
const chaiConfig = { truncateThreshold: 400 };

export default defineConfig({
  test: {
    globalSetup: ["packages/testkit/src/database-setup.ts"],
    // Two cores: more workers only make real servers and agents starve each other.
    maxWorkers: 2,
    reporters: ["default", new CountsReporter()],
    // Whoever runs the tests may be logged in somewhere: no command of a test is to go there.
    env: { XDG_CONFIG_HOME: join(tmpdir(), `evenkeel-test-config-${process.pid}`) },
    projects: [
      {
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts", "tools/**/*.test.ts"],
          exclude: ["**/node_modules/**", "tools/fixtures/**"],
          chaiConfig,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["e2e/**/*.test.ts"],
          chaiConfig,
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
