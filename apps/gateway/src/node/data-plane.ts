import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import { Server as NetServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setImmediate } from "node:timers/promises";
import type { InstanceStatistics } from "@evenkeel/contracts/gateway-protocol";
import type { ServiceId } from "@evenkeel/contracts/id";
import type { InstanceKey, RouteTable, Upstream } from "@evenkeel/contracts/route-table";
import { LISTEN_BACKLOG } from "@evenkeel/kit/listening";
import type { Doors, DrainingRow, Driver, DriverOptions, Opened, Reached } from "../driver.ts";
import { probe } from "../probe.ts";
import { compileRoutes, type Match } from "../route-table.ts";
import type { Arrival } from "./exchange.ts";
import { Instance } from "./instance.ts";
import { admit, Entry } from "./passage.ts";
import { answerProblem, refuseConnection } from "./problem.ts";
import { expectProxies } from "./proxies.ts";
import { Service } from "./service.ts";
import { servingOf } from "./serving.ts";
import { readTarget } from "./target.ts";
import { TlsDoor } from "./tls-door.ts";

const MAX_HEADER_BYTES = 32 * 1024;
const MAX_HEADERS = 128;
// Longer than the usual 60 s of clients and balancers in front: whoever closes an idle connection first loses no request.
const KEEP_ALIVE_MS = 75_000;
const HEADERS_MS = 30_000;
const CLOSE_MS = 10_000;

/** Serves requests by the table in force. */
export class DataPlane implements Driver {
  readonly name = "node";
  readonly sampled = [];
  readonly server: Server;
  readonly #tls: TlsDoor;
  readonly #options: DriverOptions;
  #match: Match<Service> = () => null;
  #services = new Map<ServiceId, Service>();
  #entry = new Entry({ marks: [], callers: [], entry: null });
  /** No longer in the table, but still with something in flight or uncounted. */
  readonly #retired = new Set<Instance>();
  #closing = false;

  constructor(options: DriverOptions) {
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
        // Without one it is refused here, in words.
        requireHostHeader: false,
      },
      (req, res) => this.#onRequest(req, res, false),
    );
    // Node leaves out headers beyond this number without a word; here they are counted and refused instead.
    this.server.maxHeadersCount = 0;
    this.server.on("checkContinue", (req, res) => this.#onRequest(req, res, true));
    this.server.on("upgrade", (req, socket, head) => this.#onUpgrade(req, socket, head));
    this.server.on("connect", (_, socket) => {
      socket.on("error", () => socket.destroy());
      refuseConnection(socket, "REQUEST_UNREADABLE", { problem: "this is no proxy for CONNECT" });
    });
    this.server.on("clientError", onClientError);
    expectProxies(this.server, options.proxies);
    this.#tls = new TlsDoor(this.server, (req, res, expectsContinue) => this.#onRequest(req, res, expectsContinue));
    expectProxies(this.#tls.server, options.proxies);
  }

  async open({ plain, tls }: Doors): Promise<Opened> {
    this.server.listen({ ...plain, backlog: LISTEN_BACKLOG });
    await once(this.server, "listening");
    return { plain: servingOf(this.server), tls: tls === null ? null : await this.#tls.open(tls) };
  }

  apply(table: RouteTable): void {
    this.#tls.use(table.certificates);
    const before = this.#services;
    const services = new Map<ServiceId, Service>();
    for (const entry of table.services) {
      const { serviceId, name, parkMs, upstreams } = entry;
      const service = before.get(serviceId) ?? new Service(serviceId, this.#options.responseTimeoutMs);
      service.name = name;
      service.parkMs = parkMs;
      this.#adopt(service, upstreams);
      service.goBy(entry, this.#options.zone);
      services.set(serviceId, service);
    }
    for (const [serviceId, service] of before) {
      if (services.has(serviceId)) continue;
      this.#adopt(service, []);
      service.standing.close();
    }
    const rules = table.routes.flatMap(({ host, path, serviceId }) => {
      const target = services.get(serviceId);
      return target === undefined ? [] : [{ host, path, target }];
    });
    this.#match = compileRoutes(rules);
    this.#services = services;
    this.#entry = new Entry(table);
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

  reached(): Reached[] {
    return [...this.#services.values()].flatMap(({ instances }) =>
      instances.flatMap(({ reached, upstream: { instance } }) =>
        reached === null ? [] : [{ instance, problem: reached }],
      ),
    );
  }

  takeStatistics(): InstanceStatistics[] {
    const rows: (InstanceStatistics | null)[] = [];
    for (const { counter, queued } of this.#services.values()) rows.push(counter.take({ queued }));
    for (const { counter, inFlight, longLived, connections } of this.#instances()) {
      rows.push(counter.take({ inFlight: inFlight.size, longLived: longLived.size, connections }));
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
      this.#tls.cut();
      this.server.closeAllConnections();
    };
    for (const instance of this.#instances()) instance.cutLongLived();
    const late = setTimeout(cut, CLOSE_MS);
    hurry.addEventListener("abort", cut);
    // Not with the close of HTTP: that ends idle connections at once, those too on which a request has come that nobody has read yet.
    const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(this.server, () => resolve()));
    const doors = Promise.all([closed, this.#tls.close()]);
    // The first turn may be half over.
    for (let turn = 0; turn < 2; turn += 1) await setImmediate();
    this.server.closeIdleConnections();
    await doors;
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
    if (typeof target === "string") {
      res.shouldKeepAlive = false;
      answerProblem(res, "REQUEST_UNREADABLE", { problem: target });
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
    admit({ req, res, service, host, path, trustForwarded, onTrouble, ...way }, this.#entry);
  }

  async #probe(instance: Instance): Promise<void> {
    const problem = await probe(instance.upstream, () => !this.#retired.has(instance));
    if (problem === null) return;
    instance.reached = problem;
    this.#options.onReached({ instance: instance.upstream.instance, problem });
  }
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
