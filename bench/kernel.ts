import { once } from "node:events";
import { mkdtemp, open, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Change, StepView } from "@evenkeel/contracts/change";
import type { Platform } from "@evenkeel/testkit/platform";
import { Shop } from "@evenkeel/testkit/shop";
import { WebSocket, WebSocketServer } from "ws";
import { type Benchmark, median, quantile, table } from "./benchmark.ts";
import { ownPlatform } from "./own-platform.ts";

const RELEASES = Number(process.env.BENCH_ROUNDS ?? 5);
const AIM_MS = 10;
/** What no design gets around: intent and outcome in the agent's journal, dispatch and outcome in the database. */
const DURABLE_WRITES = 4;

interface Sample {
  readonly on: "agent" | "control";
  readonly step: string;
  readonly overheadMs: number;
}

export const benchmark: Benchmark = {
  title: "what the kernel adds to each step: from one outcome to the next, less the work of the step itself",
  run: async (bench) => {
    const { say } = bench;
    const platform = await ownPlatform(bench);
    const shop = new Shop(platform);
    const samples: Sample[] = [];
    let last: Change | null = null;
    // One host after another, so that no step waits for the processor of another one.
    const strategy = { batches: "each", minimumHealthySeconds: 0 };
    for (let release = 0; release <= RELEASES; release += 1) {
      const change = await shop.release({ version: `${release + 1}.0.0`, strategy });
      last = change;
      if (change.state !== "succeeded") throw new Error(`the release ended as ${change.state}`);
      // The first one has nothing to replace.
      if (release > 0) samples.push(...samplesOf(change));
    }
    const forecast = await forecastOf(platform, last);
    const limit = { durableWriteMs: await durableWriteMs(), roundTripMs: await roundTripMs() };
    say(
      `The last release was expected to take ${forecast.expectedMs} ms by its plan, and took ${forecast.actualMs} ms.`,
    );
    return { ...report(samples, limit, say), ...forecast };
  },
};

/** What the plan of a release said beforehand, and what came of it. */
async function forecastOf({ client }: Platform, change: Change | null) {
  if (change === null) throw new Error("there was no release");
  const { plan } = await client.getPlan({ params: { changeId: change.id } });
  const actualMs = Date.parse(change.finishedAt ?? "") - Date.parse(change.startedAt ?? "");
  return { expectedMs: plan.expectedMs, actualMs };
}

/** Of each step but the first of its target: the time since the one before it ended that was not its own work. */
function samplesOf({ groups }: Change): Sample[] {
  return groups.flatMap(({ batches }) =>
    batches.flatMap(({ targets }) =>
      targets.flatMap(({ steps }) => {
        const run = steps.filter(({ phase }) => phase === "run");
        return run.slice(1).map((step, index) => sampleOf(run[index] as StepView, step));
      }),
    ),
  );
}

function sampleOf(before: StepView, step: StepView): Sample {
  const spanMs = Date.parse(step.finishedAt ?? "") - Date.parse(before.finishedAt ?? "");
  return { on: step.on, step: step.name, overheadMs: Math.max(0, spanMs - (step.outcome?.elapsedMs ?? Number.NaN)) };
}

/** Median of appending 4 kB to a file and waiting until the disk has it. */
async function durableWriteMs(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-bench-"));
  const file = await open(join(folder, "journal"), "a");
  const bytes = Buffer.alloc(4096, 7);
  const times: number[] = [];
  try {
    for (let index = 0; index < 200; index += 1) {
      const beganAt = performance.now();
      await file.write(bytes);
      await file.datasync();
      times.push(performance.now() - beganAt);
    }
  } finally {
    await file.close();
    await rm(folder, { recursive: true, force: true });
  }
  return median(times);
}

/** Median of a message there and back over a WebSocket on this machine. */
async function roundTripMs(): Promise<number> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  server.on("connection", (socket) => socket.on("message", (data) => socket.send(String(data))));
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await once(client, "open");
  const times: number[] = [];
  for (let index = 0; index < 200; index += 1) {
    const beganAt = performance.now();
    client.send("x".repeat(1000));
    await once(client, "message");
    times.push(performance.now() - beganAt);
  }
  client.terminate();
  server.close();
  return median(times);
}

interface Limit {
  readonly durableWriteMs: number;
  readonly roundTripMs: number;
}

function report(samples: readonly Sample[], limit: Limit, say: (line: string) => void): Record<string, unknown> {
  const all = samples.map(({ overheadMs }) => overheadMs);
  const limitMs = DURABLE_WRITES * limit.durableWriteMs + limit.roundTripMs;
  const rowOf = (name: string, values: readonly number[]): string[] => [
    name,
    String(values.length),
    `${median(values).toFixed(1)} ms`,
    `${quantile(values, 0.99).toFixed(1)} ms`,
  ];
  const steps = [...new Set(samples.map(({ step }) => step))];
  const rows = steps.map((name) =>
    rowOf(
      name,
      samples.filter(({ step }) => step === name).map(({ overheadMs }) => overheadMs),
    ),
  );
  for (const line of table([["step", "samples", "median", "p99"], ...rows, rowOf("all", all)])) say(line);
  say(
    `\nLimit on this machine: ${DURABLE_WRITES} durable writes and a round trip = ${limitMs.toFixed(1)} ms; aim: ${AIM_MS} ms.`,
  );
  return { samples: all.length, medianMs: median(all), p99Ms: quantile(all, 0.99), aimMs: AIM_MS, limitMs, ...limit };
}
