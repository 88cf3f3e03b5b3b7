import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HostId, newId, RouteId, ServiceId, WorkspaceId } from "@evenkeel/contracts/id";
import { instanceKey, RouteTable } from "@evenkeel/contracts/route-table";
import { type Bench, type Benchmark, median, table } from "./benchmark.ts";
import { type Child, type ChildSpec, freePort, startChild } from "./child.ts";
import { bring, findLoadTool, type LoadResult, type LoadTool } from "./http-load.ts";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const SECONDS = 3;
const CONNECTIONS = 50;
const OWN = "evenkeel gateway";
const NODE_PEERS = ["@fastify/http-proxy", "httpxy", "fast-proxy", "node:http + pipe"];

interface Lane extends Child {
  readonly name: string;
}

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
    "requests/s and latency through the gateway, against direct, Node proxies, and nginx and HAProxy where they can be installed",
  run: async (bench) => {
    const { say, defer } = bench;
    const folder = await mkdtemp(join(tmpdir(), "evenkeel-bench-"));
    defer(() => rm(folder, { recursive: true, force: true }));
    const tool = await findLoadTool(say);
    say(`${tool.name}, ${CONNECTIONS} connections, ${ROUNDS} rounds of ${SECONDS} s each, interleaved; medians\n`);
    const lanes = await startAll(folder, bench);
    const runs = new Map<string, Run[]>(lanes.map(({ name }) => [name, []]));
    for (const { port } of lanes) await tool.run({ ...load(port), seconds: 2 });
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const lane of lanes) runs.get(lane.name)?.push(await measure(tool, lane));
    }
    return report(tool.name, runs, say);
  },
};

async function measure(tool: LoadTool, { port, cpuMs }: Lane): Promise<Run> {
  const before = cpuMs();
  const result = await tool.run(load(port));
  return { ...result, cpuMicroseconds: ((cpuMs() - before) * 1000) / result.requests };
}

function load(port: number): { url: string; connections: number; seconds: number } {
  return { url: `http://127.0.0.1:${port}/orders/17?full=1`, connections: CONNECTIONS, seconds: SECONDS };
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
  const own = lanes[OWN]?.requestsPerSecond ?? 0;
  const rows = Object.entries(lanes).map(([name, { requestsPerSecond, p50Ms, p99Ms, failed, cpuMicroseconds }]) => [
    name,
    String(requestsPerSecond),
    p50Ms.toFixed(2),
    p99Ms.toFixed(2),
    String(failed),
    cpuMicroseconds.toFixed(0),
    `${(own / requestsPerSecond).toFixed(2)} ×`,
  ]);
  for (const line of table([["", "requests/s", "p50 ms", "p99 ms", "failed", "cpu µs/request", "gateway is"], ...rows]))
    say(line);
  const best = Math.max(...NODE_PEERS.map((name) => lanes[name]?.requestsPerSecond ?? 0));
  return { tool, connections: CONNECTIONS, rounds: ROUNDS, lanes, ratioToBestNodeProxy: own / best };
}

async function startAll(folder: string, { defer, say }: Bench): Promise<Lane[]> {
  const lanes: Lane[] = [];
  const start = async (name: string, spec: ChildSpec): Promise<void> => {
    const child = await startChild(spec);
    defer(() => child.stop());
    lanes.push({ name, ...child });
  };
  const servers = join(import.meta.dirname, "gateway-servers.ts");
  const backend = await freePort();
  const node = async (name: string, port: number): Promise<void> =>
    await start(name === "backend" ? "direct" : name, {
      command: process.execPath,
      args: [servers, name, String(port), String(backend)],
      port,
    });
  await node("backend", backend);
  await start(OWN, await ownGateway(folder, backend));
  for (const name of NODE_PEERS) await node(name, await freePort());
  if (await bring("nginx", say)) await start("nginx", await nginx(folder, backend));
  if (await bring("haproxy", say)) await start("haproxy", await haproxy(folder, backend));
  return lanes;
}

async function ownGateway(folder: string, backend: number): Promise<ChildSpec> {
  const home = join(folder, "gateway");
  await mkdir(home);
  const serviceId = newId(ServiceId, "svc");
  const instance = instanceKey(serviceId, newId(HostId, "host"), "a");
  const upstream = { instance, version: "1.0.0", zone: "a", address: "127.0.0.1", port: backend };
  const routes = RouteTable.parse({
    workspaceId: newId(WorkspaceId, "wsp"),
    epoch: 1,
    version: 1,
    routes: [{ routeId: newId(RouteId, "rte"), host: "*", path: "/", serviceId }],
    services: [{ serviceId, name: "bench", parkMs: 0, upstreams: [{ ...upstream, weight: 1, draining: false }] }],
  });
  // As after a restart with the control plane away: it serves by the table it has.
  await writeFile(join(home, "table.json"), JSON.stringify(routes));
  const port = await freePort();
  return {
    command: process.execPath,
    args: [join(import.meta.dirname, "../apps/gateway/src/main.ts")],
    env: { EVENKEEL_GATEWAY_HOME: home, EVENKEEL_GATEWAY_LISTEN: `127.0.0.1:${port}`, EVENKEEL_CONTROL_PLANES: "" },
    port,
  };
}

async function nginx(folder: string, backend: number): Promise<ChildSpec> {
  const port = await freePort();
  const file = join(folder, "nginx.conf");
  await writeFile(
    file,
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr;
events { worker_connections 1024; }
http { access_log off; client_body_temp_path ${folder}/nginx-body; proxy_temp_path ${folder}/nginx-proxy;
  fastcgi_temp_path ${folder}/nginx-f; uwsgi_temp_path ${folder}/nginx-u; scgi_temp_path ${folder}/nginx-s;
  upstream app { server 127.0.0.1:${backend}; keepalive 128; }
  server { listen 127.0.0.1:${port}; keepalive_requests 1000000;
    location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; } } }`,
  );
  return { command: "/usr/sbin/nginx", args: ["-c", file, "-p", folder], port };
}

async function haproxy(folder: string, backend: number): Promise<ChildSpec> {
  const port = await freePort();
  const file = join(folder, "haproxy.cfg");
  await writeFile(
    file,
    `global
  nbthread 1
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
frontend in
  bind 127.0.0.1:${port}
  default_backend app
backend app
  http-reuse always
  server one 127.0.0.1:${backend}
`,
  );
  return { command: "/usr/sbin/haproxy", args: ["-f", file, "-db"], port };
}
