import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Benchmark, median, table } from "./benchmark.ts";
import { HEADERS, type Lane, NODE_PEERS, startLanes } from "./gateway-lanes.ts";
import { findLoadTool, type LoadResult, type LoadSpec, type LoadTool } from "./http-load.ts";
import { changeWeights } from "./weight-changes.ts";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const SECONDS = 3;
const CONNECTIONS = 50;
const RAW = "haproxy";

interface Run extends LoadResult {
  /** Processor time of the lane's own process, per request. */
  readonly cpuMicroseconds: number;
}

interface Figures {
  cpuMicroseconds: number;
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  failed: number;
}

export const benchmark: Benchmark = {
  title:
    "requests/s and latency through the gateway's drivers, against direct, HAProxy, nginx and Node proxies; changes of weights",
  run: async (bench) => {
    const { say, defer } = bench;
    const folder = await mkdtemp(join(tmpdir(), "evenkeel-bench-"));
    defer(() => rm(folder, { recursive: true, force: true }));
    const tool = await findLoadTool(say);
    say(`${tool.name}, ${CONNECTIONS} connections, ${ROUNDS} rounds of ${SECONDS} s each, interleaved; medians\n`);
    const lanes = await startLanes(folder, bench);
    const runs = new Map<string, Run[]>(lanes.map(({ name }) => [name, []]));
    for (const lane of lanes) await tool.run({ ...load(lane), seconds: 2 });
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const lane of lanes) runs.get(lane.name)?.push(await measure(tool, lane));
    }
    const figures = report(tool.name, runs, say);
    const hasHaproxy = lanes.some(({ name }) => name === RAW);
    return { ...figures, ...(hasHaproxy ? await changeWeights(folder, tool, bench) : {}) };
  },
};

async function measure(tool: LoadTool, lane: Lane): Promise<Run> {
  const before = lane.cpuMs();
  const result = await tool.run(load(lane));
  return { ...result, cpuMicroseconds: ((lane.cpuMs() - before) * 1000) / result.requests };
}

function load({ scheme, port }: Lane): LoadSpec {
  return {
    url: `${scheme}://127.0.0.1:${port}/orders/17?full=1`,
    connections: CONNECTIONS,
    seconds: SECONDS,
    headers: HEADERS,
  };
}

function report(tool: string, runs: ReadonlyMap<string, Run[]>, say: (line: string) => void) {
  const lanes: Record<string, Figures> = {};
  for (const [name, results] of runs) {
    lanes[name] = {
      requestsPerSecond: Math.round(median(results.map(({ requestsPerSecond }) => requestsPerSecond))),
      cpuMicroseconds: median(results.map(({ cpuMicroseconds }) => cpuMicroseconds)),
      p50Ms: median(results.map(({ p50Ms }) => p50Ms)),
      p99Ms: median(results.map(({ p99Ms }) => p99Ms)),
      failed: results.reduce((sum, { failed }) => sum + failed, 0),
    };
  }
  // Each beside HAProxy by hand, those behind TLS beside HAProxy by hand behind TLS.
  const rawOf = (name: string): number =>
    lanes[name.endsWith("-tls") ? `${RAW}-tls` : RAW]?.requestsPerSecond ?? Number.NaN;
  const rows = Object.entries(lanes).map(([name, { requestsPerSecond, p50Ms, p99Ms, failed, cpuMicroseconds }]) => [
    name,
    String(requestsPerSecond),
    p50Ms.toFixed(2),
    p99Ms.toFixed(2),
    String(failed),
    cpuMicroseconds.toFixed(0),
    `${(requestsPerSecond / rawOf(name)).toFixed(2)} ×`,
  ]);
  for (const line of table([["", "requests/s", "p50 ms", "p99 ms", "failed", "cpu µs/request", "of haproxy"], ...rows]))
    say(line);
  return { tool, connections: CONNECTIONS, rounds: ROUNDS, lanes, ...summary(lanes) };
}

/** The figures by their agreed names; of the Node proxies the best. */
function summary(lanes: Readonly<Record<string, Figures>>) {
  const peers = NODE_PEERS.flatMap((name) => lanes[name] ?? []);
  const best = peers.toSorted((one, other) => other.requestsPerSecond - one.requestsPerSecond)[0];
  const named = Object.entries(lanes).filter(([name]) => !NODE_PEERS.includes(name));
  const all = best === undefined ? named : [...named, ["best-node-proxy", best] as const];
  return {
    requestsPerSecond: Object.fromEntries(all.map(([name, { requestsPerSecond }]) => [name, requestsPerSecond])),
    p99Ms: Object.fromEntries(all.map(([name, { p99Ms }]) => [name, p99Ms])),
  };
}
