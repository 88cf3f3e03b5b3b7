import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { type ErrorCode, type Facts, problemDocument } from "@evenkeel/contracts/error";
import type { ServiceId } from "@evenkeel/contracts/id";
import { EVERYONE } from "@evenkeel/contracts/route-table";
import { certificateFiles } from "./certificate-list.ts";
import { divide, type TableContent } from "./division.ts";
import { frontend } from "./frontend.ts";
import { backendName, LATER_SERVER, MODES, type Mode, OWN_POOL, OWN_SERVER, type Pool, poolsOf } from "./pool.ts";
import { HOSTS_MAP, type MapTexts, PATHS_MAP, type Routing, routingOf, WILDCARDS_MAP } from "./routing.ts";

/** What the configuration depends on beside the table. */
export interface RenderOptions {
  readonly trustForwarded: boolean;
  readonly proxies: readonly string[];
  readonly responseTimeoutMs: number;
  /** Whether there is a door for TLS. */
  readonly tls: boolean;
}

/** Everything that HAProxy reads: one folder. */
export interface Rendered {
  readonly files: Readonly<Record<string, string>>;
  /** The files among them whose content can be changed while it runs. */
  readonly maps: MapTexts;
  /** Changes with everything that takes a reload, and with nothing else. */
  readonly structure: string;
}

/** Where the gateway's own process takes requests that something is to be decided on. */
export const OWN_SOCKET = "own.sock";
const LATER_SOCKET = "later.sock";
const BACK_WITHIN_MS = 30_000;
export const CONFIG_FILE = "haproxy.cfg";
export const WORKER_SOCKET = "worker.sock";
export const MASTER_SOCKET = "master.sock";
/** Bodies up to this size are read before an instance is chosen: they lie in one buffer of 16 kB beside the headers. */
const SMALL_BODY_BYTES = 8192;
const LUA = readFileSync(new URL("evenkeel.lua", import.meta.url), "utf8");

/** The configuration for this table. */
export function render(table: TableContent, options: RenderOptions): Rendered {
  const routing = routingOf(table);
  const pools = poolsOf(table);
  const files: Record<string, string> = {
    "evenkeel.lua": LUA,
    ...(options.tls ? certificateFiles(table.certificates) : {}),
    "marks.lua": marksFile(table),
    "bad.json": problem("REQUEST_UNREADABLE", { problem: "it does not follow the protocol" }),
    "late.json": problem("REQUEST_SLOW", {}),
    "none.json": problem("ROUTE_NONE", { host: "%[req.hdr(host),json(utf8s)]", path: "%[path,json(utf8s)]" }),
  };
  const maps: Record<string, string> = mapFiles(routing);
  const looks: string[] = [];
  for (const service of table.services) {
    const { serviceId, name } = service;
    Object.assign(files, problemFiles(serviceId, name, options));
    const division = divide(service, table);
    if (division.kind !== "looked-at") continue;
    Object.assign(maps, division.files);
    looks.push(...looksAt(serviceId, division.looks, routing));
  }
  const text = (servers: (pool: Pool) => readonly string[]): string =>
    [
      ...defaults(options),
      ...frontend(routing, { ...options, looks, fallback: table.certificates.some(({ fallback }) => fallback) }),
      ...later(),
      ...table.services.flatMap(({ serviceId, parkMs }) => {
        const pool = pools.find((each) => each.serviceId === serviceId);
        if (pool === undefined) return MODES.flatMap((mode) => passedOn({ serviceId, subset: EVERYONE }, mode));
        const own = { serviceId, subset: OWN_POOL };
        const besides = looks.some((look) => look.includes(serviceId))
          ? MODES.flatMap((mode) => passedOn(own, mode))
          : [];
        return [...besides, ...MODES.flatMap((mode) => [...backend(pool, { mode, parkMs }), ...servers(pool)])];
      }),
    ].join("\n");
  const frame = text(() => []);
  const structure = createHash("sha256")
    .update(JSON.stringify([frame, files]))
    .digest("hex");
  const config = `${global(structure, table)}\n${text(serverLines)}\n`;
  return { files: { ...files, ...maps, [CONFIG_FILE]: config }, maps, structure };
}

function serverLines({ servers }: Pool): string[] {
  return servers.map(({ name, upstream, weight, ready }) => {
    const host = upstream.address.includes(":") ? `[${upstream.address}]` : upstream.address;
    return `  server ${name} ${host}:${upstream.port} weight ${weight}${ready ? "" : " disabled"}`;
  });
}

/** Whether any instance drains: only then answers are looked at for being of one. */
const drains = ({ services }: TableContent): number =>
  services.some(({ upstreams }) => upstreams.some(({ draining }) => draining)) ? 1 : 0;

export const drainingCommand = (table: TableContent): string => `set var proc.draining int(${drains(table)})`;

/** One buffer, less what is kept for rewriting: with more, 2.6 stalls where an answer begins before its upload has ended. */
const H2_WINDOW_BYTES = 15_360;

function global(structure: string, table: TableContent): string {
  return `global
  description ${structure}
  stats socket unix@${WORKER_SOCKET} mode 600 level admin
  lua-load-per-thread marks.lua
  lua-load-per-thread evenkeel.lua
  set-var proc.draining int(${drains(table)})
  tune.http.maxhdr 128
  tune.h2.initial-window-size ${H2_WINDOW_BYTES}
ring requests
  format raw
  maxlen 2048
  size 1048576
  timeout connect 2s
  timeout server 10s
`;
}

function defaults({ responseTimeoutMs }: RenderOptions): string[] {
  return [
    "defaults",
    "  mode http",
    "  log ring@requests format raw local0 info",
    // Read by request-log.ts.
    '  log-format "R %b %s %ST %Ta %ts %rc %[var(txn.id)]"',
    "  timeout connect 2s",
    "  timeout client 1h",
    `  timeout server ${responseTimeoutMs}ms`,
    "  timeout http-request 30s",
    "  timeout http-keep-alive 75s",
    "  timeout tunnel 20d",
    "  option redispatch 1",
    // A worker that makes way closes a kept connection behind an answer, not in front of a request.
    "  option idle-close-on-response",
    // Without it a client that leaves looks like a failure of the instance.
    "  option abortonclose",
    "",
  ];
}

/** Requests of this service that a rule might fit are passed to the gateway's process. */
function looksAt(serviceId: ServiceId, looks: readonly string[], routing: Routing): string[] {
  const target = backendTarget(serviceId, EVERYONE);
  const ours = routing.kind === "one" ? "" : `{ var(txn.target) -m str ${target} } `;
  return looks.map(
    (look) => `  http-request set-var(txn.own) str(${backendTarget(serviceId, OWN_POOL)}) if ${ours}${look}`,
  );
}

const backendTarget = (serviceId: ServiceId, subset: string): string =>
  backendName({ serviceId, subset }, "kept").replace(/\.kept$/, "");

/** What is believed of a request's baggage, to the letter. */
function marksFile({ marks }: TableContent): string {
  const lines = marks.map(({ kind, name, seal }) => `  [${luaText(`${kind}=${name};seal=${seal}`)}] = true,\n`);
  return `evenkeel_marks = {\n${lines.join("")}}\n`;
}

const luaText = (text: string): string =>
  `"${text.replace(/[^A-Za-z0-9=;_. -]/g, (sign) => Array.from(Buffer.from(sign), (byte) => `\\${String(byte).padStart(3, "0")}`).join(""))}"`;

function mapFiles(routing: Routing): Record<string, string> {
  if (routing.kind === "one") return {};
  if (routing.kind === "path") return { [PATHS_MAP]: routing.paths };
  const { hosts, wildcards, paths } = routing;
  // A map that no line of the configuration names is unknown to HAProxy.
  const found = { [HOSTS_MAP]: hosts, [PATHS_MAP]: paths };
  return wildcards === "" ? found : { ...found, [WILDCARDS_MAP]: wildcards };
}

const RETRIES = 3;

function backend(pool: Pool, { mode, parkMs }: { mode: Mode; parkMs: number }): string[] {
  const name = backendName(pool, mode);
  const file = (kind: string): string => `${pool.serviceId}-${kind}.json`;
  const json = "content-type application/problem+json";
  // A worker that makes way counts no server of its own any more, though it still has them all.
  const isEmpty = `{ nbsrv(${name}) eq 0 } !{ stopping }`;
  const park = parkMs === 0 ? [] : [`  http-request lua.park ${name} ${parkMs} if ${isEmpty}`];
  const isAll = pool.subset === EVERYONE;
  return [
    `backend ${name}`,
    `  retries ${RETRIES + Math.ceil(parkMs / 1000)}`,
    ...ways(mode),
    ...park,
    ...(isAll
      ? [`  http-request deny status 503 ${json} lf-file ${file("none")} hdr retry-after 1 if ${isEmpty}`]
      : []),
    // HAProxy says 503 where no connection was made: told from an application's own 503 by a header that leaves with it.
    "  http-response del-header x-evenkeel-unconnected",
    `  http-error status 502 ${json} lf-file ${file("failed")}`,
    `  http-error status 503 ${json} lf-file ${file("unconnected")} hdr x-evenkeel-unconnected 1`,
    `  http-error status 504 ${json} lf-file ${file("slow")}`,
    "  http-after-response set-status 502 if { status 503 } { res.hdr(x-evenkeel-unconnected) -m found }",
    "  http-after-response del-header x-evenkeel-unconnected if { status 502 }",
  ];
}

/** Limits and times are those of the gateway's process, which answers for itself. */
function passedOn(pool: Pick<Pool, "serviceId" | "subset">, mode: Mode): string[] {
  return [
    `backend ${backendName(pool, mode)}`,
    "  timeout server 1d",
    // The second is tried when the first one cannot be reached.
    "  balance first",
    ...ways(mode),
    `  server ${OWN_SERVER} unix@${OWN_SOCKET}`,
    `  server ${LATER_SERVER} unix@${LATER_SOCKET}`,
  ];
}

/**
 * A gateway that was killed is back within seconds. HAProxy by itself tries a local socket that nobody listens on as often as it
 * may in one moment: whoever comes meanwhile is sent through here, where he waits.
 */
function later(): string[] {
  return [
    `frontend ${LATER_SERVER}`,
    `  bind unix@${LATER_SOCKET} mode 600`,
    "  no log",
    `  http-request lua.await unix@${OWN_SOCKET} ${BACK_WITHIN_MS}`,
    `  default_backend ${LATER_SERVER}`,
    "",
    `backend ${LATER_SERVER}`,
    "  no log",
    "  timeout server 1d",
    ...ways("raw"),
    `  server ${OWN_SERVER} unix@${OWN_SOCKET}`,
    "",
  ];
}

function ways(mode: Mode): string[] {
  switch (mode) {
    case "kept":
      return ["  http-reuse always", "  retry-on conn-failure empty-response"];
    case "once":
      return [
        "  http-reuse never",
        "  option http-server-close",
        "  retry-on conn-failure",
        `  acl small req.hdr_val(content-length) 1:${SMALL_BODY_BYTES}`,
        "  http-request wait-for-body time 30s if small",
        // Who waits for `100 Continue` got it with that.
        "  http-request del-header expect if small",
      ];
    case "raw":
      return ["  http-reuse never", "  option http-server-close", "  retry-on conn-failure"];
  }
}

function problemFiles(
  serviceId: string,
  service: string,
  { responseTimeoutMs }: RenderOptions,
): Record<string, string> {
  const name = service.replaceAll("%", "%%");
  const common = { service: name, instance: "%s", requestId: "%[var(txn.id)]" };
  const seconds = responseTimeoutMs / 1000;
  return {
    [`${serviceId}-none.json`]: problem("INSTANCE_NONE", { ...common, instance: null }),
    [`${serviceId}-unconnected.json`]: problem("INSTANCE_FAILED", { ...common, problem: "no connection was made" }),
    [`${serviceId}-failed.json`]: problem("INSTANCE_FAILED", { ...common, problem: "the connection ended early" }),
    [`${serviceId}-slow.json`]: problem("INSTANCE_SLOW", { ...common, seconds }),
  };
}

function problem(code: ErrorCode, facts: Facts): string {
  return JSON.stringify(problemDocument(code, facts));
}
