import { readdirSync, readFileSync } from "node:fs";
import { type Change, TREE_TARGETS } from "@evenkeel/contracts/change";
import type { ChangeId } from "@evenkeel/contracts/id";
import { killIdentity } from "@evenkeel/kit/process-identity";
import type { Platform } from "@evenkeel/testkit/platform";
import { type Bench, type Benchmark, median } from "./benchmark.ts";
import { type Crowds, startCrowds, until, WORKSPACE } from "./crowds.ts";
import { ownPlatform } from "./own-platform.ts";

const PAGE = 100;
/** Of the counters in /proc. */
const TICK_MS = 10;
const AIMS = { noopAllMs: 10_000, recoveryMs: 10_000, firstPageMs: 200 };

export const benchmark: Benchmark = {
  title: "many agents on one control plane: connecting, a step on all of them, the tree of that change, a kill",
  options: { agents: 10_000 },
  run: async (bench) => {
    const agents = bench.option("agents");
    const platform = await ownPlatform(bench);
    const crowds = startCrowds(bench);
    const result = await measure({ bench, platform, crowds, agents });
    for (const [name, aim] of Object.entries(AIMS)) {
      const value = Math.round(result[name as keyof typeof AIMS]);
      bench.say(`${name}: ${value} ms, aim ${aim} ms: ${value <= aim ? "met" : "NOT met"}`);
    }
    return result;
  },
};

interface Measuring {
  readonly bench: Bench;
  readonly platform: Platform;
  readonly crowds: Crowds;
  readonly agents: number;
}

async function measure(measuring: Measuring) {
  const { bench, platform, crowds, agents } = measuring;
  const usedMs: number[] = [await cpuMs(platform)];
  const joinMs = await timed(() => crowds.join(platform, agents));
  usedMs.push(await cpuMs(platform));
  bench.say(`${agents} agents joined in ${(joinMs / 1000).toFixed(1)} s`);
  const connectMs = await timed(() => crowds.connect(agents));
  usedMs.push(await cpuMs(platform));
  bench.say(`all connected in ${(connectMs / 1000).toFixed(1)} s`);
  const noops: number[] = [];
  let probed: ChangeId | null = null;
  for (let round = 0; round < 3; round += 1) {
    noops.push(
      await timed(async () => {
        probed = await probe(platform);
        await succeeded(platform, probed, agents);
      }),
    );
    bench.say(`a no-op on all: ${((noops.at(-1) ?? 0) / 1000).toFixed(1)} s`);
  }
  const noopAllMs = median(noops);
  usedMs.push(await cpuMs(platform));
  const cpu = perAgent(usedMs, agents);
  bench.say(`processor time per agent: connect ${cpu.connectMs} ms, no-op ${cpu.noopMs} ms`);
  const firstPageMs = await firstPage(platform, probed as unknown as ChangeId);
  bench.say(`its tree with ${TREE_TARGETS} targets: ${Math.round(firstPageMs)} ms`);
  const targetsPageMs = await firstTargets(platform, probed as unknown as ChangeId);
  bench.say(`first ${PAGE} of the list of its targets: ${Math.round(targetsPageMs)} ms`);
  const controlPlaneMb = await memoryMb(platform);
  bench.say(`memory of the control plane: ${controlPlaneMb} MB`);
  const recoveryMs = await recovery(measuring);
  bench.say(`kill -9 of the control plane in the midst of it: ${(recoveryMs / 1000).toFixed(1)} s until all were done`);
  const pages = { firstPageMs, targetsPageMs };
  return { agents, joinMs, connectMs, noopAllMs, recoveryMs, ...pages, cpu, controlPlaneMb, journal: "in memory" };
}

/** Of control plane and database together, heartbeats of those that are connected included. */
function perAgent([, joined = 0, connected = 0, done = 0]: readonly number[], agents: number) {
  const per = (ms: number, rounds = 1) => Number((ms / agents / rounds).toFixed(2));
  return { connectMs: per(connected - joined), noopMs: per(done - connected, 3) };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const beganAt = performance.now();
  await work();
  return performance.now() - beganAt;
}

/** Creates and starts a change that sends one command to every host of the crowd. */
async function probe({ client }: Platform): Promise<ChangeId> {
  const spec = { workspace: WORKSPACE, operation: "probe" };
  const { id } = await client.createChange({ body: { kind: "host-operation", spec } });
  await client.startChange({ params: { changeId: id }, body: {} });
  return id;
}

async function succeeded({ client }: Platform, changeId: ChangeId, targets: number): Promise<void> {
  for await (const { type, data } of client.watchChange(changeId)) {
    if (type === "change" && data.to === "succeeded") break;
    if (type === "change" && data.to === "failed") throw new Error(`the change failed: ${JSON.stringify(data)}`);
  }
  const change: Change = await client.getChange({ params: { changeId }, query: { targets: 0 } });
  if (change.targets.succeeded !== targets) throw new Error(`only ${change.targets.succeeded} of ${targets} answered`);
}

async function firstPage({ client }: Platform, changeId: ChangeId): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    times.push(await timed(() => client.getChange({ params: { changeId } })));
  }
  return median(times);
}

/** The first page of the list of all its targets. */
async function firstTargets({ client }: Platform, changeId: ChangeId): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    times.push(await timed(() => client.listChangeTargets({ params: { changeId }, query: { limit: PAGE } })));
  }
  return median(times);
}

/** Processor time of the control plane and of the database server, both with their children. */
async function cpuMs(platform: Platform): Promise<number> {
  const parts = await platform.parts();
  const roots = ["control-plane-1", "postgres"].flatMap((name) => parts[name]?.pid ?? []);
  const stats = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => statOf(Number(pid)));
  const mine = new Set(roots);
  for (const { pid, parent } of stats) if (mine.has(parent)) mine.add(pid);
  return stats.filter(({ pid }) => mine.has(pid)).reduce((sum, { ticks }) => sum + ticks * TICK_MS, 0);
}

function statOf(pid: number): { pid: number; parent: number; ticks: number }[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [, parent, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // utime and stime, and those of children that have ended.
    const ticks = rest.slice(9, 13).reduce((sum, field) => sum + Number(field), 0);
    return [{ pid, parent: Number(parent), ticks }];
  } catch {
    return [];
  }
}

/** Resident memory of the control plane. */
async function memoryMb(platform: Platform): Promise<number> {
  const pid = (await platform.parts())["control-plane-1"]?.pid;
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
}

/** From the kill, with the step on its way to everybody, until the change has ended and all are back. */
async function recovery({ platform, crowds, agents }: Measuring): Promise<number> {
  const changeId = await probe(platform);
  const identity = (await platform.parts())["control-plane-1"];
  if (identity === undefined) throw new Error("there is no control plane to kill");
  return await timed(async () => {
    killIdentity(identity, "SIGKILL");
    await succeeded(platform, changeId, agents);
    await until("all are back", () => crowds.counts().connected === agents);
  });
}
