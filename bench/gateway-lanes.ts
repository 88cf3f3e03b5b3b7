import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HostId, newId, RouteId, ServiceId, WorkspaceId } from "@evenkeel/contracts/id";
import { instanceKey, RouteTable, type TableRule } from "@evenkeel/contracts/route-table";
import { findByEnvironment } from "@evenkeel/kit/process-identity";
import { type MadeCertificate, makeCertificate } from "@evenkeel/testkit/certificate";
import type { Bench } from "./benchmark.ts";
import { type Child, type ChildSpec, cpuMsOf, freePort, startChild } from "./child.ts";
import { bring } from "./http-load.ts";

export const NODE_PEERS = ["@fastify/http-proxy", "httpxy", "fast-proxy", "node:http + pipe"];
export const MANY_RULES = 200;
/** What the rules look at; every request of every lane carries it. */
export const HEADERS: Readonly<Record<string, string>> = { "x-user": "somebody" };

export interface Lane extends Child {
  readonly name: string;
  readonly scheme: "http" | "https";
}

/** The table of a service with these instances, and so many rules on a header that send those who match to the first of them. */
export function makeTable(ports: readonly number[]): (weights: readonly number[], rules: number) => RouteTable {
  const serviceId = newId(ServiceId, "svc");
  const routes = [{ routeId: newId(RouteId, "rte"), host: "*", path: "/", serviceId }];
  const workspaceId = newId(WorkspaceId, "wsp");
  const instances = ports.map(() => instanceKey(serviceId, newId(HostId, "host"), "a"));
  const chain = ["first"];
  const rule = (index: number): TableRule => ({
    name: `rule-${index}`,
    conditions: [{ field: "header", name: "x-user", not: false, test: { kind: "in", values: [`user-${index}`] } }],
    send: { salt: "bench", key: [], ways: [{ basisPoints: 10_000, lane: null, chain, cells: [] }], next: false },
    ...{ mirror: null, fault: null, rateLimit: null, concurrency: null },
  });
  let version = 0;
  return (weights, rules) => {
    version += 1;
    const upstreams = ports.map((port, index) => ({
      ...{ instance: instances[index], version: "1.0.0", zone: "a", address: "127.0.0.1", port },
      ...{ weight: weights[index], draining: false },
    }));
    const subsets = [{ name: "first", instances: instances.slice(0, 1) }];
    const made = Array.from({ length: rules }, (_, index) => rule(index));
    const services = [{ serviceId, name: "bench", parkMs: 0, upstreams, subsets, rules: made }];
    return RouteTable.parse({ workspaceId, epoch: 1, version, routes, services });
  };
}

/** Everything that is measured; what cannot be installed is left out, and said. */
export async function startLanes(folder: string, { defer, say }: Bench): Promise<Lane[]> {
  const lanes: Lane[] = [];
  const start = async (name: string, spec: ChildSpec): Promise<void> => {
    const child = await startChild(spec);
    defer(() => child.stop());
    lanes.push({ name, scheme: name.endsWith("-tls") ? "https" : "http", ...child });
  };
  const backend = await freePort();
  await start("direct", backendServer(backend));
  if (await bring("haproxy", say)) {
    await start("haproxy", await rawHaproxy(folder, backend));
    await start("evenkeel-haproxy-1-rule", await ownGateway(folder, { driver: "haproxy", rules: 1, backend }));
    await start(
      `evenkeel-haproxy-${MANY_RULES}-rules`,
      await ownGateway(folder, { driver: "haproxy", rules: MANY_RULES, backend }),
    );
  }
  if (await bring("nginx", say)) await start("nginx", await nginx(folder, backend));
  await start("evenkeel-node", await ownGateway(folder, { driver: "node", rules: 1, backend }));
  for (const name of NODE_PEERS) await start(name, nodeServer(name, await freePort(), backend));
  // Last, so that those above are as they were before there were any.
  const tls = makeCertificate({ hosts: [] });
  if (lanes.some(({ name }) => name === "haproxy")) {
    await start("haproxy-tls", await rawHaproxy(folder, backend, tls));
    await start("evenkeel-haproxy-tls", await ownGateway(folder, { driver: "haproxy", rules: 1, backend, tls }));
  }
  await start("evenkeel-node-tls", await ownGateway(folder, { driver: "node", rules: 1, backend, tls }));
  return lanes;
}

const nodeServer = (name: string, port: number, backend: number): ChildSpec => ({
  command: process.execPath,
  args: [join(import.meta.dirname, "gateway-servers.ts"), name, String(port), String(backend)],
  port,
});

/** The application that all of them stand in front of. */
export const backendServer = (port: number): ChildSpec => nodeServer("backend", port, port);

interface Own {
  readonly driver: "haproxy" | "node";
  readonly rules: number;
  readonly backend: number;
  /** Given, it is reached by TLS. */
  readonly tls?: MadeCertificate;
}

/** The gateway as `npm start` runs it, but with the control plane away: it serves by the table it has, and takes its statistics each second. */
export async function ownGateway(folder: string, { driver, rules, backend, tls }: Own): Promise<ChildSpec> {
  const home = join(folder, `${driver}-${rules}${tls === undefined ? "" : "-tls"}`);
  await mkdir(home);
  const certificate = { name: "bench", hosts: [], endsAt: "2099-12-31T00:00:00.000Z", fallback: true };
  const certificates = tls === undefined ? [] : [{ ...certificate, ...tls }];
  await writeFile(join(home, "table.json"), JSON.stringify({ ...makeTable([backend])([1], rules), certificates }));
  const port = await freePort();
  const listen = (at: number): string => `127.0.0.1:${at}`;
  const doors: Readonly<Record<string, string>> =
    tls === undefined
      ? { EVENKEEL_GATEWAY_LISTEN: listen(port) }
      : { EVENKEEL_GATEWAY_LISTEN: listen(await freePort()), EVENKEEL_GATEWAY_TLS_LISTEN: listen(port) };
  return {
    command: process.execPath,
    args: [join(import.meta.dirname, "../apps/gateway/src/main.ts")],
    env: {
      EVENKEEL_GATEWAY_HOME: home,
      EVENKEEL_GATEWAY_DRIVER: driver,
      ...doors,
      EVENKEEL_CONTROL_PLANES: "",
    },
    port,
    // What it has started beside itself works for it.
    moreCpuMs: () =>
      findByEnvironment({ EVENKEEL_HAPROXY: join(home, "haproxy") }).reduce((sum, { pid }) => sum + cpuMsOf(pid), 0),
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

/** By TLS, it opens connections as the gateway does: the same key, at least the same version. */
export async function rawHaproxy(folder: string, backend: number, tls?: MadeCertificate): Promise<ChildSpec> {
  const port = await freePort();
  const text = await readFile(join(import.meta.dirname, "haproxy.cfg"), "utf8");
  const file = join(folder, tls === undefined ? "haproxy.cfg" : "haproxy-tls.cfg");
  const pem = join(folder, "haproxy.pem");
  if (tls !== undefined) await writeFile(pem, `${tls.chain}${tls.key}`, { mode: 0o600 });
  const door = tls === undefined ? `:${port}` : `:${port} ssl crt ${pem} ssl-min-ver TLSv1.2`;
  await writeFile(file, text.replace(":PORT", door).replace(":BACKEND", `:${backend}`));
  return { command: "/usr/sbin/haproxy", args: ["-f", file, "-db"], port };
}
