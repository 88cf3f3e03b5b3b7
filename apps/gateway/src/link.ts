// The connection to one of the control planes.
// Invariants:
// 1. There is at most one connection; what arrives on an older one is not looked at.
// 2. A silent connection is given up after LOST_AFTER_MS and the next control plane is asked; serving goes on meanwhile.
// 3. Orders are carried out in the order they came; `applied` is said only when the table is durable and in force.
import { setTimeout as sleep } from "node:timers/promises";
import { AGENT_PROTOCOL, HEARTBEAT_MS, LOST_AFTER_MS } from "@evenkeel/contracts/agent-protocol";
import { PlatformError, problemOf } from "@evenkeel/contracts/error";
import { GATEWAY_LINK_PATH, type GatewayMessage, GatewayOrder } from "@evenkeel/contracts/gateway-protocol";
import type { RouteTable } from "@evenkeel/contracts/route-table";
import type { Log } from "@evenkeel/kit/log";
import { WebSocket } from "ws";
import type { Credential } from "./credential.ts";
import type { Driver, Reached } from "./driver.ts";
import type { TableStore } from "./table-store.ts";

const SECOND_MS = 1000;
const BACK_OFF_MS = { first: 100, most: 5000 };
// Statistics of a gateway that was cut off are not kept: what the control plane judges by is the present.
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;

export interface LinkDeps {
  readonly controlPlanes: readonly string[];
  readonly credential: Credential;
  readonly tables: TableStore;
  readonly plane: Driver;
  readonly version: string;
  /** Null: nothing listens for TLS. */
  readonly tlsPort: number | null;
  readonly log: Log;
}

export class Link {
  readonly #deps: LinkDeps;
  #socket: WebSocket | null = null;
  #heardAt = 0;
  #closed = false;
  readonly #stopped = new AbortController();

  constructor(deps: LinkDeps) {
    this.#deps = deps;
  }

  /** Keeps a connection until `close`. */
  async run(): Promise<void> {
    const { controlPlanes } = this.#deps;
    let failures = 0;
    for (let attempt = 0; !this.#closed; attempt += 1) {
      const opened = await this.#connect(controlPlanes[attempt % controlPlanes.length] as string);
      failures = opened ? 0 : failures + 1;
      // Each control plane is asked once before the first long wait.
      const rounds = Math.trunc(failures / controlPlanes.length);
      const mostMs = Math.min(BACK_OFF_MS.most, BACK_OFF_MS.first * 2 ** rounds);
      await sleep(mostMs * (0.5 + Math.random() / 2), undefined, { signal: this.#stopped.signal }).catch(
        () => undefined,
      );
    }
  }

  close(): void {
    this.#closed = true;
    this.#stopped.abort();
    this.#socket?.close(1001);
  }

  /** The number of a draining instance has come to 0. */
  drained(): void {
    this.#sendDraining();
  }

  reached({ instance, problem }: Reached): void {
    this.#send({
      kind: "reached",
      tableVersion: this.#deps.tables.current.version,
      instance,
      reached: problem === "",
      problem: problem === "" ? null : problem,
    });
  }

  /** Resolves when the connection has ended; true if it had been open. */
  #connect(url: string): Promise<boolean> {
    const { credential, log } = this.#deps;
    const address = `${url.replace(/^http/, "ws")}/api/v1${GATEWAY_LINK_PATH}`;
    const socket = new WebSocket(address, {
      headers: { authorization: `Bearer ${credential.credential}` },
      handshakeTimeout: LOST_AFTER_MS,
      perMessageDeflate: false,
    });
    this.#socket = socket;
    let opened = false;
    const timers: NodeJS.Timeout[] = [];
    return new Promise((resolve) => {
      socket.on("open", () => {
        opened = true;
        log.info({ url }, "connected");
        this.#heardAt = performance.now();
        this.#greet();
        timers.push(
          setInterval(() => this.#beat(socket), HEARTBEAT_MS),
          this.#reportEachSecond(),
        );
      });
      socket.on("message", (data) => {
        this.#heardAt = performance.now();
        this.#onMessage(socket, String(data));
      });
      socket.on("error", (error) => log.warn({ url, problem: error.message }, "link"));
      socket.on("close", (code) => {
        for (const timer of timers) clearInterval(timer);
        if (opened) log.warn({ url, code }, "disconnected");
        resolve(opened);
      });
    });
  }

  #greet(): void {
    const { credential, tables, version, tlsPort } = this.#deps;
    this.#send({
      kind: "hello",
      protocol: AGENT_PROTOCOL,
      gatewayId: credential.gatewayId,
      driver: this.#deps.plane.name,
      gatewayVersion: version,
      epoch: tables.current.epoch,
      tableVersion: tables.current.version,
      tlsPort: tlsPort ?? 0,
      sentAt: new Date().toISOString(),
    });
    // A control plane that has not been there before knows nothing of what the last one heard.
    for (const reached of this.#deps.plane.reached()) this.reached(reached);
    this.#sendDraining();
  }

  #beat(socket: WebSocket): void {
    if (performance.now() - this.#heardAt > LOST_AFTER_MS) socket.terminate();
    else this.#send({ kind: "heartbeat", sentAt: new Date().toISOString() });
  }

  #reportEachSecond(): NodeJS.Timeout {
    let since = performance.now();
    let taking = false;
    return setInterval(async () => {
      if (taking) return;
      taking = true;
      const rows = await this.#deps.plane.takeStatistics();
      taking = false;
      const now = performance.now();
      const windowMs = Math.round(now - since);
      since = now;
      const { sampled } = this.#deps.plane;
      if (rows.length > 0) this.#send({ kind: "statistics", at: new Date().toISOString(), windowMs, sampled, rows });
      if (this.#deps.plane.draining().some(({ inFlight }) => inFlight > 0)) this.#sendDraining();
    }, SECOND_MS);
  }

  #sendDraining(): void {
    const rows = this.#deps.plane.draining();
    if (rows.length > 0) this.#send({ kind: "draining", tableVersion: this.#deps.tables.current.version, rows });
  }

  #send(message: GatewayMessage): void {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN || socket.bufferedAmount > MAX_BUFFERED_BYTES) return;
    socket.send(JSON.stringify(message));
  }

  #onMessage(socket: WebSocket, text: string): void {
    if (socket !== this.#socket) return;
    const { log, plane } = this.#deps;
    const order = parseOrder(text);
    if (order === null) {
      log.error({ text: text.slice(0, 200) }, "an order that cannot be read");
      return;
    }
    switch (order.kind) {
      case "heartbeat":
        break;
      case "cut":
        plane.cut(order.instance);
        break;
      case "table":
        void this.#accept(order.table);
        break;
    }
  }

  async #accept(table: RouteTable): Promise<void> {
    const { epoch, version: tableVersion } = table;
    try {
      await this.#deps.tables.accept(table);
      this.#send({ kind: "applied", epoch, tableVersion });
      this.#sendDraining();
    } catch (error) {
      this.#deps.log.error({ err: error, epoch, tableVersion }, "table not accepted");
      const problem =
        error instanceof PlatformError ? problemOf(error.code, error.facts) : problemOf("INTERNAL", { traceId: "-" });
      this.#send({ kind: "refused", epoch, tableVersion, problem });
    }
  }
}

function parseOrder(text: string): GatewayOrder | null {
  try {
    return GatewayOrder.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
