import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { InstanceStatistics } from "@evenkeel/contracts/gateway-protocol";
import type { ServiceId } from "@evenkeel/contracts/id";
import type { InstanceKey, RouteTable, Upstream } from "@evenkeel/contracts/route-table";
import { compileRoutes, type Match } from "../route-table.ts";
import { type Arrival, Exchange, type Trouble } from "./exchange.ts";
import { Instance } from "./instance.ts";
import { answerProblem, refuseConnection } from "./problem.ts";
import { Service } from "./service.ts";

const MAX_HEADER_BYTES = 32 * 1024;
const MAX_HEADERS = 128;
// Longer than the usual 60 s of clients and balancers in front: whoever closes an idle connection first loses no request.
const KEEP_ALIVE_MS = 75_000;
const HEADERS_MS = 30_000;
const PROBE_MS = 2000;
const PROBES = 3;
const PROBE_AGAIN_MS = 300;
const CLOSE_MS = 10_000;

export interface DataPlaneOptions {
  /** Whether `x-forwarded-…` of the client may be believed: only behind a proxy that sets them. */
  readonly trustForwarded: boolean;
  /** How long an instance may take to begin its answer. */
  readonly responseTimeoutMs: number;
  readonly onTrouble: (trouble: Trouble) => void;
  /** The last request of a draining instance has ended. */
  readonly onDrained: () => void;
  /** A connection to an instance that a table brought in was tried. */
  readonly onReached: (instance: Instance) => void;
}

export interface DrainingRow {
  readonly instance: InstanceKey;
  readonly inFlight: number;
  readonly longLived: number;
}

/** Serves requests by the table in force. */
export class DataPlane {
  readonly server: Server;
  readonly #options: DataPlaneOptions;
  #match: Match<Service> = () => null;
  #services = new Map<ServiceId, Service>();
  /** No longer in the table, but still with something in flight or uncounted. */
  readonly #retired = new Set<Instance>();
  #closing = false;

  constructor(options: DataPlaneOptions) {
    this.#options = options;
    this.server = createServer(
      {
        keepAliveTimeout: KEEP_ALIVE_MS,
        headersTimeout: HEADERS_MS,
        // An upload may last; a slow one costs a connection and one chunk of memory.
        requestTimeout: 0,
        maxHeaderSize: MAX_HEADER_BYTES,
        optimizeEmptyRequests: true,
        shouldUpgradeCallback: mayUpgrade,
      },
      (req, res) => this.#onRequest(req, res, false),
    );
    // Node leaves out headers beyond this number without a word; here they are counted and refused instead.
    this.server.maxHeadersCount = 0;
    this.server.on("checkContinue", (req, res) => this.#onRequest(req, res, true));
    this.server.on("upgrade", (req, socket, head) => this.#onUpgrade(req, socket, head));
    this.server.on("clientError", onClientError);
  }

  /** From its return on, every new request goes by this table. */
  apply(table: RouteTable): void {
    const before = this.#services;
    const services = new Map<ServiceId, Service>();
    for (const { serviceId, name, parkMs, upstreams } of table.services) {
      const service = before.get(serviceId) ?? new Service(serviceId, this.#options.responseTimeoutMs);
      service.name = name;
      service.parkMs = parkMs;
      this.#adopt(service, upstreams);
      services.set(serviceId, service);
    }
    for (const [serviceId, service] of before) if (!services.has(serviceId)) this.#adopt(service, []);
    const rules = table.routes.flatMap(({ host, path, serviceId }) => {
      const target = services.get(serviceId);
      return target === undefined ? [] : [{ host, path, target }];
    });
    this.#match = compileRoutes(rules);
    this.#services = services;
    for (const service of services.values()) service.wake();
  }

  /** Gives the service these instances: those it has already stay as they are, with their connections. */
  #adopt(service: Service, upstreams: readonly Upstream[]): void {
    const known = new Set(service.instances);
    service.instances = upstreams.map((upstream) => {
      const found = service.instances.find((instance) => isSame(instance.upstream, upstream));
      const instance = found ?? new Instance(service, upstream, () => this.#options.onDrained());
      known.delete(instance);
      instance.weight = upstream.weight;
      if (upstream.draining) instance.drain();
      else instance.draining = false;
      if (found === undefined) void this.#probe(instance);
      return instance;
    });
    for (const gone of known) this.#retire(gone);
  }

  #retire(instance: Instance): void {
    instance.drain();
    this.#retired.add(instance);
  }

  *#instances(): Generator<Instance> {
    for (const service of this.#services.values()) yield* service.instances;
    yield* this.#retired;
  }

  /** Ends what is in flight on this instance. */
  cut(key: InstanceKey): void {
    for (const instance of this.#instances()) {
      if (instance.upstream.instance === key && instance.draining) instance.cut();
    }
  }

  draining(): DrainingRow[] {
    const rows: DrainingRow[] = [];
    for (const service of this.#services.values()) {
      for (const { draining, upstream, inFlight, longLived } of service.instances) {
        if (draining) rows.push({ instance: upstream.instance, inFlight: inFlight.size, longLived: longLived.size });
      }
    }
    return rows;
  }

  /** Instances of the table in force of which it is known whether they can be reached. */
  reached(): Instance[] {
    return [...this.#services.values()].flatMap(({ instances }) => instances.filter(({ reached }) => reached !== null));
  }

  /** What happened since the last call. */
  takeStatistics(): InstanceStatistics[] {
    const rows: (InstanceStatistics | null)[] = [];
    for (const { counter } of this.#services.values()) rows.push(counter.take(0, 0));
    for (const { counter, inFlight, longLived } of this.#instances()) {
      rows.push(counter.take(inFlight.size, longLived.size));
    }
    for (const instance of this.#retired) {
      if (instance.inFlight.size === 0 && instance.longLived.size === 0) this.#retired.delete(instance);
    }
    return rows.filter((row) => row !== null);
  }

  /** Takes no new connections; those in use are closed after their answer, and cut at the end of the time. Upgraded ones end at once: of themselves they would not. */
  async close(hurry: AbortSignal): Promise<void> {
    this.#closing = true;
    const cut = (): void => {
      for (const instance of this.#instances()) instance.cut();
      this.server.closeAllConnections();
    };
    for (const instance of this.#instances()) instance.cutLongLived();
    const late = setTimeout(cut, CLOSE_MS);
    hurry.addEventListener("abort", cut);
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
    clearTimeout(late);
    for (const instance of this.#instances()) instance.drain();
  }

  #onRequest(req: IncomingMessage, res: ServerResponse, expectsContinue: boolean): void {
    if (this.#closing) res.shouldKeepAlive = false;
    this.#forward(req, res, { expectsContinue, upgrade: null });
  }

  #onUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const res = new ServerResponse(req);
    socket.on("error", () => socket.destroy());
    res.assignSocket(socket as Socket);
    res.shouldKeepAlive = false;
    res.on("finish", () => socket.end());
    const protocol = req.headers.upgrade ?? "";
    this.#forward(req, res, { expectsContinue: false, upgrade: { socket, head, protocol } });
  }

  #forward(req: IncomingMessage, res: ServerResponse, way: Pick<Arrival, "expectsContinue" | "upgrade">): void {
    const target = readTarget(req);
    if (target === null) {
      answerProblem(res, "REQUEST_UNREADABLE", { problem: `the target ${req.url} is neither a path nor an address` });
      return;
    }
    if (req.rawHeaders.length > 2 * MAX_HEADERS) {
      answerProblem(res, "HEADERS_TOO_LARGE", { limitBytes: MAX_HEADER_BYTES, limitCount: MAX_HEADERS });
      return;
    }
    const { host, path } = target;
    const service = this.#match(host, path);
    if (service === null) {
      answerProblem(res, "ROUTE_NONE", { host, path: path.replace(/\?.*/, "") });
      return;
    }
    const { trustForwarded, onTrouble } = this.#options;
    new Exchange({ req, res, service, host, path, trustForwarded, onTrouble, ...way }).start();
  }

  /** Tries a connection a few times: what is reported decides whether the instance gets traffic. */
  async #probe(instance: Instance): Promise<void> {
    let problem = "";
    for (let tries = 0; tries < PROBES && !this.#retired.has(instance); tries += 1) {
      if (tries > 0) await sleep(PROBE_AGAIN_MS, undefined, { ref: false });
      problem = await tryToConnect(instance.upstream);
      if (problem === "") break;
    }
    if (this.#retired.has(instance)) return;
    instance.reached = problem;
    this.#options.onReached(instance);
  }
}

/** What hindered it, or "". */
function tryToConnect({ address, port }: Upstream): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: PROBE_MS });
    const done = (problem: string): void => {
      socket.destroy();
      resolve(problem);
    };
    socket.once("connect", () => done(""));
    socket.once("timeout", () => done(`no connection to ${address}:${port} within ${PROBE_MS / 1000} s`));
    socket.on("error", (error) => done(error.message));
  });
}

function isSame(one: Upstream, other: Upstream): boolean {
  return (
    one.instance === other.instance &&
    one.address === other.address &&
    one.port === other.port &&
    one.version === other.version
  );
}

/** `Upgrade: h2c` is an offer that nobody needs to take: such a request is served as it stands. */
function mayUpgrade(req: IncomingMessage): boolean {
  return req.method === "GET" && !/^h2c?$/i.test(req.headers.upgrade ?? "");
}

function readTarget(req: IncomingMessage): { host: string; path: string } | null {
  const url = req.url ?? "";
  if (url.startsWith("/")) return { host: req.headers.host ?? "", path: url };
  // The form for proxies; its host counts, not the header's.
  const [, host, path] = /^https?:\/\/([^/?#]+)([^#]*)/i.exec(url) ?? [];
  if (host === undefined || path === undefined || host.includes("@")) return null;
  return { host, path: path.startsWith("/") ? path : `/${path}` };
}

function onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  const { _httpMessage: current } = socket as unknown as { _httpMessage?: ServerResponse | null };
  if (!socket.writable || error.code === "ECONNRESET" || current?.headersSent) {
    socket.destroy();
    return;
  }
  if (error.code === "HPE_HEADER_OVERFLOW") {
    refuseConnection(socket, "HEADERS_TOO_LARGE", { limitBytes: MAX_HEADER_BYTES, limitCount: MAX_HEADERS });
  } else if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") refuseConnection(socket, "REQUEST_SLOW", {});
  else refuseConnection(socket, "REQUEST_UNREADABLE", { problem: error.message });
}
