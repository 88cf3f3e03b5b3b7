// Real servers and clients around one driver, for the tests of this folder.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type RequestListener, request, type Server } from "node:http";
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Socket,
  type Server as TcpServer,
} from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { InstanceStatistics } from "@evenkeel/contracts/gateway-protocol";
import { HostId, newId, RouteId, ServiceId, WorkspaceId } from "@evenkeel/contracts/id";
import { type InstanceKey, instanceKey, RouteTable, type TableCertificate } from "@evenkeel/contracts/route-table";
import { createLog } from "@evenkeel/kit/log";
import { findHaproxy } from "../choose-driver.ts";
import type { Driver, DriverOptions, Trouble } from "../driver.ts";
import { HaproxyDriver } from "../haproxy/driver.ts";
import { DataPlane } from "../node/data-plane.ts";

export type DriverName = Driver["name"];

/** An instance in a table of the tests; all belong to one service. */
export interface Spec {
  readonly port: number;
  readonly version?: string;
  readonly weight?: number;
  readonly draining?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: NodeJS.Dict<string>;
  readonly body: string;
}

export interface Ask {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
  /** The address of this machine that it comes from. */
  readonly from?: string;
}

export const DRIVERS: readonly DriverName[] = ["node", "haproxy"];

const workspaceId = newId(WorkspaceId, "wsp");
export const serviceId = newId(ServiceId, "svc");
const routeId = newId(RouteId, "rte");

/** One gateway, with everything that the test starts around it; `close` ends all. */
export class Bed {
  readonly driver: DriverName;
  readonly #options: DriverOptions;
  readonly #home = mkdtempSync(join(tmpdir(), "conformance-"));
  #plane: Driver | null = null;
  readonly troubles: Trouble[] = [];
  drained = 0;
  readonly reached: string[] = [];
  readonly #servers: (Server | TcpServer)[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #keys = new Map<number, InstanceKey>();
  #version = 0;
  port = 0;
  tlsPort = 0;
  /** Of all tables from now on. */
  certificates: readonly TableCertificate[] = [];

  constructor(driver: DriverName, options: Partial<DriverOptions> = {}) {
    this.driver = driver;
    this.#options = {
      trustForwarded: false,
      proxies: [],
      responseTimeoutMs: 20_000,
      zone: null,
      onTrouble: (trouble) => this.troubles.push(trouble),
      onDrained: () => {
        this.drained += 1;
      },
      onReached: ({ instance, problem }) => this.reached.push(`${this.#portOf(instance)} ${problem}`),
      ...options,
    };
  }

  get plane(): Driver {
    if (this.#plane === null) throw new Error("the bed is not open");
    return this.#plane;
  }

  async open(): Promise<this> {
    this.#plane = await this.#make();
    const free = { host: "127.0.0.1", port: 0 };
    const { plain, tls } = await this.plane.open({ plain: free, tls: free });
    this.port = plain.port;
    this.tlsPort = tls?.port ?? 0;
    return this;
  }

  async #make(): Promise<Driver> {
    if (this.driver === "node") return new DataPlane(this.#options);
    const command = findHaproxy();
    if (command === null) throw new Error("HAProxy is not installed: apt-get install haproxy");
    const log = createLog({ part: "gateway", level: "error" });
    return await HaproxyDriver.create({ ...this.#options, home: this.#home, command, log });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await this.#plane?.close(AbortSignal.abort());
    for (const server of this.#servers) await new Promise((resolve) => server.close(resolve));
    rmSync(this.#home, { recursive: true, force: true });
  }

  async #listen(server: Server | TcpServer, port = 0): Promise<number> {
    this.#servers.push(server);
    server.on("connection", (socket: Socket) => this.#keep(socket));
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => this.#sockets.delete(socket));
  }

  /** An application; its port. */
  async application(listener: RequestListener): Promise<number> {
    return await this.#listen(createServer(listener));
  }

  async applicationServer(server: Server | TcpServer): Promise<number> {
    return await this.#listen(server);
  }

  /** An application that speaks HTTP as it likes; its port. */
  async peer(listener: (socket: Socket) => void): Promise<number> {
    return await this.#listen(createTcpServer({ allowHalfOpen: true }, listener));
  }

  key(port: number): InstanceKey {
    const known = this.#keys.get(port);
    if (known !== undefined) return known;
    const key = instanceKey(serviceId, newId(HostId, "host"), "a");
    this.#keys.set(port, key);
    return key;
  }

  #portOf(key: InstanceKey): number | undefined {
    return [...this.#keys].find(([, known]) => known === key)?.[0];
  }

  table(specs: readonly Spec[], parkMs = 0): RouteTable {
    this.#version += 1;
    const upstreams = specs.map(({ port, version = "1.0.0", weight = 100, draining = false }) => {
      return { instance: this.key(port), version, zone: "a", address: "127.0.0.1", port, weight, draining };
    });
    return RouteTable.parse({
      workspaceId,
      epoch: 1,
      version: this.#version,
      routes: [{ routeId, host: "*", path: "/", serviceId }],
      services: [{ serviceId, name: "shop", parkMs, upstreams }],
      certificates: this.certificates,
    });
  }

  async apply(specs: readonly Spec[], parkMs = 0): Promise<void> {
    await this.plane.apply(this.table(specs, parkMs));
  }

  /** Statistics of the one instance, or of the service where it had none. */
  async statistics(port: number | null): Promise<InstanceStatistics | undefined> {
    const key = port === null ? null : this.key(port);
    return (await this.plane.takeStatistics()).find(({ instance }) => instance === key);
  }

  async inFlight(count: number): Promise<void> {
    await until(async () => (await this.plane.takeStatistics()).some(({ inFlight }) => inFlight === count));
  }

  ask({ path = "/", method = "GET", headers = {}, body, from }: Ask = {}): Promise<Answer> {
    const at = { host: "127.0.0.1", port: this.port, localAddress: from, agent: false };
    return new Promise((resolve, reject) => {
      const call = request({ ...at, path, method, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            trailers: response.trailers,
            body: Buffer.concat(chunks).toString(),
          }),
        );
      });
      call.on("error", reject);
      call.end(body);
    });
  }

  connect(): Socket {
    const socket = connect({ host: "127.0.0.1", port: this.port });
    this.#keep(socket);
    return socket;
  }

  /** Sends these bytes and returns all that comes back until the connection is closed. */
  raw(text: string): Promise<string> {
    return new Promise((resolve) => {
      const socket = this.connect();
      const chunks: Buffer[] = [];
      socket.on("data", (chunk) => chunks.push(chunk));
      socket.on("error", (error: NodeJS.ErrnoException) => chunks.push(Buffer.from(`<${error.code}>`)));
      socket.on("close", () => resolve(Buffer.concat(chunks).toString()));
      socket.write(text);
    });
  }
}

/** Waits until it is so; the test's own limit ends a wait for what never comes. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(5);
}
