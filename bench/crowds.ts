import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Platform } from "@evenkeel/testkit/platform";
import type { Bench } from "./benchmark.ts";
import type { CrowdOrder, CrowdReport } from "./crowd.ts";

/** The workspace in which crowds stand. */
export const WORKSPACE = "crowd";
const PROCESSES = 4;
const CONNECT_AT_ONCE = 50;
const LIMIT_MS = 20 * 60_000;

/** Simulated agents in processes of their own. */
export interface Crowds {
  /** Members that have joined, and those whose link is open. */
  readonly counts: () => CrowdReport;
  /** All of them join the workspace; resolves when they have. */
  join(platform: Platform, agents: number): Promise<void>;
  /** All of them open their links; resolves when they are welcome. */
  connect(agents: number): Promise<void>;
}

export function startCrowds({ defer }: Pick<Bench, "defer">): Crowds {
  const reports = new Map<ChildProcess, CrowdReport>();
  for (let index = 0; index < PROCESSES; index += 1) {
    const child = fork(join(import.meta.dirname, "crowd.ts"), { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    reports.set(child, { joined: 0, connected: 0 });
    child.on("message", (report) => void reports.set(child, report as CrowdReport));
    defer(async () => void child.kill("SIGKILL"));
  }
  const order = (of: (index: number) => CrowdOrder) =>
    [...reports.keys()].forEach((child, index) => void child.send(of(index)));
  const sum = (of: (report: CrowdReport) => number): number =>
    [...reports.values()].reduce((total, report) => total + of(report), 0);
  const counts = () => ({ joined: sum(({ joined }) => joined), connected: sum(({ connected }) => connected) });
  return {
    counts,
    join: async ({ client, token, controlPlanes }, agents) => {
      await client.createWorkspace({ body: { name: WORKSPACE, region: "local", zones: ["a"] } });
      const names = Array.from({ length: agents }, (_, index) => `host-${index + 1}`);
      order((index) => ({
        ...{ kind: "join", controlPlanes, token, workspace: WORKSPACE },
        names: names.filter((_, at) => at % PROCESSES === index),
      }));
      await until("all have joined", () => counts().joined === agents);
    },
    connect: async (agents) => {
      order(() => ({ kind: "connect", atOnce: CONNECT_AT_ONCE / PROCESSES }));
      await until("all are connected", () => counts().connected === agents);
    },
  };
}

/** Waits for what the crowd reports. */
export async function until(what: string, reached: () => boolean): Promise<void> {
  const endMs = performance.now() + LIMIT_MS;
  while (!reached()) {
    if (performance.now() > endMs) throw new Error(`not within ${LIMIT_MS / 60_000} minutes: ${what}`);
    await sleep(10);
  }
}
