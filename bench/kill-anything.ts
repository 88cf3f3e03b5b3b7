import { cpSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { killAnything, type RunReport } from "@evenkeel/testkit/kill-anything/run";
import type { Platform } from "@evenkeel/testkit/platform";
import { type Benchmark, median } from "./benchmark.ts";

const LEAST_IN_STEP = 0.6;
const LEAST_OF_A_KIND = 0.08;
const NOTHING = ["lostChanges", "repeatedSteps", "stuckChanges", "failedRequests"] as const;
const AIM_BACK_MS = 1000;

export const benchmark: Benchmark = {
  title: "kill -9 and SIGSTOP of every kind of process at random, under releases, rollbacks, retries and load",
  options: { kills: 150, seed: Date.now() % 1_000_000, minutes: 120 },
  run: async ({ say, option, defer }) => {
    let platform: Platform | null = null;
    defer(async () => platform?.remove());
    const [seed, kills] = [option("seed"), option("kills")];
    say(`--seed ${seed} gives this schedule again`);
    const report = await killAnything({
      ...{ seed, kills, say, limitMs: option("minutes") * 60_000 },
      onPlatform: (newest) => {
        platform = newest;
      },
    });
    for (const line of summaryOf(report)) say(line);
    if (report.wrong.length > 0) say(`what the processes wrote is kept in ${keepLogs(platform)}`);
    const unmet = unmetOf(report);
    for (const line of unmet) say(`NOT met: ${line}`);
    if (unmet.length > 0) process.exitCode = 1;
    const { gatewayBackMs, ...figures } = report;
    return { ...figures, gatewayBackMs: median(gatewayBackMs), gatewayBackMaxMs: Math.max(...gatewayBackMs), unmet };
  },
};

/** Out of the platform's home, which is taken away at the end. */
function keepLogs(platform: Platform | null): string {
  const folder = mkdtempSync(join(tmpdir(), "kill-anything-"));
  if (platform !== null) cpSync(join(platform.home, "log"), folder, { recursive: true });
  return folder;
}

function summaryOf(report: RunReport): string[] {
  const { kills, frozen, killed, inStepShare, changes, steps, requests, abortedWithGateway, gatewayBackMs } = report;
  const shares = Object.entries(killed).map(([victim, count]) => `${victim} ${count} (${percent(count / kills)})`);
  return [
    `${kills} kills, ${frozen} of them freezes beyond the lease: ${shares.join(", ")}`,
    `${percent(inStepShare)} fell while a step was dispatched or running`,
    `${changes} changes with ${steps} steps: ${NOTHING.map((field) => `${field} ${report[field]}`).join(", ")}`,
    `${requests} requests, ${abortedWithGateway} aborted with a gateway that had accepted them`,
    `a killed gateway served again after ${median(gatewayBackMs)} ms (median), ${Math.max(...gatewayBackMs)} ms (longest)`,
  ];
}

function unmetOf(report: RunReport): string[] {
  const shares = Object.entries(report.killed).map(([victim, count]) => ({ victim, share: count / report.kills }));
  return [
    ...NOTHING.filter((field) => report[field] > 0).map((field) => `${field} ${report[field]}`),
    ...report.wrong,
    ...shares
      .filter(({ share }) => share < LEAST_OF_A_KIND)
      .map(({ victim, share }) => `of the kills ${percent(share)} hit a ${victim}, least ${percent(LEAST_OF_A_KIND)}`),
    ...(report.inStepShare < LEAST_IN_STEP
      ? [`${percent(report.inStepShare)} of the kills fell into a step, least ${percent(LEAST_IN_STEP)}`]
      : []),
    ...report.gatewayBackMs.filter((ms) => ms > AIM_BACK_MS).map((ms) => `the gateway served again after ${ms} ms`),
  ];
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
