import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Change, StepView } from "@evenkeel/contracts/change";
import { killIdentity, listProcesses, readEnvironment } from "@evenkeel/kit/process-identity";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { Shop } from "@evenkeel/testkit/shop";
import { afterAll, beforeAll, expect, test } from "vitest";

let platform: Platform;
let shop: Shop;
beforeAll(async () => {
  platform = await startPlatform();
  shop = new Shop(platform);
});
afterAll(async () => {
  await platform.remove();
});

const GIGABYTE = 1_000_000_000;

/** Releases with one action on one host, between health and traffic. */
async function releaseWith(
  version: string,
  action: { readonly script: string; readonly timeoutSeconds: number },
): Promise<Change> {
  const name = `rough-${version.replaceAll(".", "-")}`;
  await platform.client.createCommandTemplate({ body: { name, actions: [{ name: "act", ...action }] } });
  return await shop.release({
    version,
    manifest: { hosts: ["local-1"], flow: [{ template: name, after: "await-health" }] },
  });
}

function actionOf({ groups }: Change): StepView {
  const steps = groups.flatMap(({ batches }) => batches.flatMap(({ targets }) => targets.flatMap((one) => one.steps)));
  const found = steps.find(({ type }) => type === "run-script");
  if (found === undefined) throw new Error("no action ran");
  return found;
}

function sizeOf(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((total, file) => total + statSync(join(file.parentPath, file.name)).size, 0);
}

const marked = (mark: string) => listProcesses().filter(({ pid }) => readEnvironment(pid)?.ROUGH === mark);

test("a script that prints a gigabyte succeeds, and of its output the first and the last are kept", async () => {
  const script = `echo first; head -c ${GIGABYTE} /dev/zero | tr '\\0' x; echo; echo last`;
  const change = await releaseWith("1.0.0", { script, timeoutSeconds: 300 });
  expect(change.state).toBe("succeeded");
  const { output } = actionOf(change).outcome ?? {};
  expect(output?.head.startsWith("first\n")).toBe(true);
  expect(output?.tail.trimEnd().endsWith("last")).toBe(true);
  const kept = (output?.head.length ?? 0) + (output?.tail.length ?? 0);
  // What it prints between a look at its output and the cut is not counted.
  expect((output?.gapBytes ?? 0) + kept).toBeGreaterThan(0.9 * GIGABYTE);
  expect(sizeOf(join(platform.home, "agents", "local-1"))).toBeLessThan(GIGABYTE / 2);
});

test("a script that hangs and ignores SIGTERM is ended at its time, with what it said last, and nothing of it is left", async () => {
  const script = "export ROUGH=hangs; sh -c 'trap \"\" TERM; echo hanging; while :; do sleep 1; done'";
  const change = await releaseWith("1.1.0", { script, timeoutSeconds: 2 });
  expect(change.state).toBe("failed");
  const step = actionOf(change);
  expect(step.outcome?.output?.head).toContain("hanging");
  expect(step.outcome).toMatchObject({ problem: { code: "SCRIPT_TIMEOUT" } });
  await expect.poll(() => marked("hangs"), { timeout: 30_000 }).toEqual([]);
  await platform.client.closeChange({ params: { changeId: change.id }, body: { reason: "it was to fail" } });
});

test("a script that forks away ends with its own end: nobody waits for what it left behind", async () => {
  const script = "export ROUGH=forks; setsid sh -c 'sleep 60' </dev/null >/dev/null 2>&1 & echo away";
  const change = await releaseWith("1.2.0", { script, timeoutSeconds: 30 });
  const left = marked("forks");
  for (const identity of left) killIdentity(identity, "SIGKILL");
  expect(change.state).toBe("succeeded");
  expect(actionOf(change).outcome?.output?.head).toContain("away");
  expect(left).not.toEqual([]);
});
