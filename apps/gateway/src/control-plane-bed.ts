// A small control plane for tests: joins gateways, holds their links, notes what they say. And the gateway as a process.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { problemDocument } from "@evenkeel/contracts/error";
import { GatewayMessage, type GatewayOrder, JoinGateway } from "@evenkeel/contracts/gateway-protocol";
import { GatewayId, newId } from "@evenkeel/contracts/id";
import { type WebSocket, WebSocketServer } from "ws";
import { until } from "./conformance/bed.ts";

type Kind = GatewayMessage["kind"];
type Message<K extends Kind> = Extract<GatewayMessage, { kind: K }>;

export class ControlPlaneBed {
  readonly gatewayId = newId(GatewayId, "gtw");
  readonly credential = "credential-of-the-gateway";
  readonly #server: Server;
  readonly #messages: GatewayMessage[] = [];
  /** False: it takes connections and says nothing on them. */
  speaks = true;
  tokens = new Set(["token-1"]);
  joins: JoinGateway[] = [];
  authorizations: (string | undefined)[] = [];
  link: WebSocket | null = null;
  url = "";

  constructor() {
    this.#server = createServer(async (req, res) => {
      const chunks: Buffer[] = [];
      for await (const chunk of req) chunks.push(chunk);
      const body = JoinGateway.parse(JSON.parse(Buffer.concat(chunks).toString()));
      this.joins.push(body);
      const joins = req.method === "POST" && req.url === "/api/v1/gateways/join" && this.tokens.delete(body.token);
      const { gatewayId, credential } = this;
      res.writeHead(joins ? 201 : 401, { "content-type": "application/json" });
      res.end(JSON.stringify(joins ? { gatewayId, credential } : problemDocument("JOIN_TOKEN_USED")));
    });
    const sockets = new WebSocketServer({ server: this.#server, path: "/api/v1/gateway-link" });
    sockets.on("connection", (socket, req) => {
      this.authorizations.push(req.headers.authorization);
      this.link = socket;
      socket.on("message", (data) => {
        const message = GatewayMessage.parse(JSON.parse(String(data)));
        this.#messages.push(message);
        if (message.kind === "heartbeat" && this.speaks) {
          this.send({ kind: "heartbeat", serverAt: new Date().toISOString() });
        }
      });
    });
  }

  async open(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  async close(): Promise<void> {
    this.link?.terminate();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  send(order: GatewayOrder): void {
    this.link?.send(JSON.stringify(order));
  }

  /** What it has said of this kind so far. */
  said<K extends Kind>(kind: K): Message<K>[] {
    return this.#messages.filter((message): message is Message<K> => message.kind === kind);
  }

  /** Kinds in the order they came, the periodic ones left out. */
  get order(): Kind[] {
    return this.#messages.map(({ kind }) => kind).filter((kind) => kind !== "heartbeat" && kind !== "statistics");
  }

  async heard<K extends Kind>(kind: K, where: (message: Message<K>) => boolean = () => true): Promise<Message<K>> {
    await until(() => this.said(kind).some(where));
    return this.said(kind).find(where) as Message<K>;
  }
}

const MAIN = join(import.meta.dirname, "main.ts");

/** The gateway as it runs in earnest; `fd` is put at its place as an inherited socket. */
export class GatewayProcess {
  readonly #child: ChildProcess;
  #log = "";

  constructor(environment: Readonly<Record<string, string>>, fd?: number) {
    const env = {
      PATH: process.env.PATH,
      ...environment,
      ...(fd === undefined ? {} : { EVENKEEL_GATEWAY_LISTEN_FD: "3" }),
    };
    this.#child = spawn(process.execPath, [MAIN], { env, stdio: ["ignore", "ignore", "pipe", fd ?? "ignore"] });
    this.#child.stderr?.on("data", (bytes) => {
      this.#log += bytes;
    });
  }

  get log(): string {
    return this.#log;
  }

  /** The port it serves on, once it does. */
  async port(): Promise<number> {
    await until(() => /"msg":"serving"/.test(this.#log) || this.#child.exitCode !== null);
    const port = /"port":(\d+)[^\n]*"msg":"serving"/.exec(this.#log)?.[1];
    if (port === undefined) throw new Error(this.#log);
    return Number(port);
  }

  async end(signal: NodeJS.Signals = "SIGKILL"): Promise<number | null> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#child.exitCode;
    const ended = once(this.#child, "exit");
    this.#child.kill(signal);
    await ended;
    return this.#child.exitCode;
  }

  async exited(): Promise<number | null> {
    await until(() => this.#child.exitCode !== null);
    return this.#child.exitCode;
  }
}
