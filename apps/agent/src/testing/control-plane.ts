import { createHash, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  AGENT_LINK_PATH,
  AgentMessage,
  type AgentOrder,
  type Command,
  HEARTBEAT_MS,
  type Outcome,
} from "@evenkeel/contracts/agent-protocol";
import type { BuildpackObject } from "@evenkeel/contracts/buildpack";
import { canonicalJson } from "@evenkeel/contracts/canonical";
import { problemDocument } from "@evenkeel/contracts/error";
import { ChangeId, CommandId, Digest, HostId, newId, ServiceId, StepId } from "@evenkeel/contracts/id";
import { type WebSocket, WebSocketServer } from "ws";

type Hello = Extract<AgentMessage, { kind: "hello" }>;
type Welcome = Extract<AgentOrder, { kind: "welcome" }>;

/** The other side of the agent's link: real sockets and the contract, with as little behind them as a test needs. */
export class TestControlPlane {
  readonly hostId = newId(HostId, "host");
  readonly slot = newId(ServiceId, "svc");
  readonly changeId = newId(ChangeId, "chg");
  /** Everything that agents said, in order. */
  readonly messages: AgentMessage[] = [];
  readonly objects = new Map<string, Buffer>();
  /** Bytes of objects that left this server. */
  objectBytes = 0;
  /** Once set, the next answer with an object is cut after so many bytes. */
  cutObjectAt: number | null = null;
  /** An answer that is to be cut stays open instead, as if the line were dead. */
  holdsObjects = false;
  /** Says nothing more on its own: neither a heartbeat nor an acknowledgement. */
  silent = false;
  acknowledges = true;
  welcomes: (hello: Hello) => Partial<Welcome> | null = (hello) => ({
    resume: hello.open.map(({ commandId }) => commandId),
  });
  readonly joinToken = randomBytes(8).toString("hex");
  #joined = false;
  readonly credential = randomBytes(8).toString("hex");
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #listeners = new Set<() => void>();
  #port = 0;
  #token = 1;
  link: WebSocket | null = null;

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.on("upgrade", (request, socket, head) => {
      const known = request.headers.authorization === `Bearer ${this.credential}`;
      if (!known || request.url !== `/api/v1${AGENT_LINK_PATH}`) return void socket.end("HTTP/1.1 401 No\r\n\r\n");
      this.#sockets.handleUpgrade(request, socket, head, (link) => this.#accept(link));
    });
  }

  static async start(port = 0): Promise<TestControlPlane> {
    const plane = new TestControlPlane();
    await plane.listen(port);
    return plane;
  }

  async listen(port = this.#port): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Goes away as if killed. */
  async close(): Promise<void> {
    for (const link of this.#sockets.clients) link.terminate();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  send(order: AgentOrder): void {
    this.link?.send(JSON.stringify(order));
  }

  command(type: Command["type"], input: unknown, fields: Partial<Command> = {}): Command {
    const slotless = type === "fetch-package" || type === "stage-revision" || type === "unstage-revision";
    return {
      commandId: newId(CommandId, "cmd"),
      changeId: this.changeId,
      stepId: newId(StepId, "stp"),
      attempt: 1,
      slot: slotless ? null : this.slot,
      fence: { epoch: 1, token: this.#token },
      type,
      input,
      deadlineMs: 30_000,
      ...fields,
    };
  }

  /** Sends a command and waits for its outcome. */
  async run(type: Command["type"], input: unknown, fields: Partial<Command> = {}): Promise<Outcome> {
    const command = this.command(type, input, fields);
    this.send({ kind: "command", command });
    return await this.outcomeOf(command.commandId);
  }

  async outcomeOf(commandId: CommandId): Promise<Outcome> {
    const find = (message: AgentMessage) => message.kind === "outcome" && message.commandId === commandId;
    return ((await this.heard(find)) as Extract<AgentMessage, { kind: "outcome" }>).outcome;
  }

  /** Waits for a message, among those that came already too; `since` skips that many. */
  async heard(wanted: (message: AgentMessage) => boolean, since = 0): Promise<AgentMessage> {
    for (;;) {
      const found = this.messages.slice(since).find(wanted);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        const listener = (): void => {
          this.#listeners.delete(listener);
          resolve();
        };
        this.#listeners.add(listener);
      });
    }
  }

  putObject(bytes: Buffer): { digest: Digest; sizeBytes: number } {
    const digest = Digest.parse(`sha256:${createHash("sha256").update(bytes).digest("hex")}`);
    this.objects.set(digest, bytes);
    return { digest, sizeBytes: bytes.length };
  }

  putBuildpack(buildpack: BuildpackObject): { digest: Digest; sizeBytes: number } {
    return this.putObject(Buffer.from(canonicalJson(buildpack)));
  }

  #accept(link: WebSocket): void {
    this.link = link;
    const beat = setInterval(() => {
      if (!this.silent) link.send(JSON.stringify({ kind: "heartbeat", serverAt: new Date().toISOString() }));
    }, HEARTBEAT_MS);
    link.on("close", () => clearInterval(beat));
    link.on("message", (data) => {
      const message = AgentMessage.parse(JSON.parse(String(data)));
      this.messages.push(message);
      if (message.kind === "hello") this.#welcome(message);
      if (message.kind === "outcome" && this.acknowledges && !this.silent)
        this.send({ kind: "acknowledge", commandId: message.commandId });
      for (const listener of [...this.#listeners]) listener();
    });
  }

  #welcome(hello: Hello): void {
    const fields = this.welcomes(hello);
    if (fields === null) return;
    const serverAt = new Date().toISOString();
    const nothing = { resume: [], void: [], acknowledged: [] };
    this.send({ kind: "welcome", connectionEpoch: 1, epoch: 1, serverAt, ...nothing, ...fields });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === "/api/v1/hosts/join") return await this.#join(request, response);
    const bytes = this.objects.get(/^\/api\/v1\/objects\/(.*)$/.exec(request.url ?? "")?.[1] ?? "");
    if (bytes === undefined || request.headers.authorization !== `Bearer ${this.credential}`)
      return void response.writeHead(404).end();
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const body = bytes.subarray(from, this.cutObjectAt ?? undefined);
    const isCut = this.cutObjectAt !== null;
    this.cutObjectAt = null;
    this.objectBytes += body.length;
    response.writeHead(206, { "content-length": bytes.length - from });
    response.write(body, () => {
      if (!isCut) response.end();
      else if (!this.holdsObjects) response.destroy();
    });
  }

  async #join(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse(String(Buffer.concat(await request.toArray()))) as { token: string };
    const known = body.token === this.joinToken && !this.#joined;
    this.#joined = true;
    response.writeHead(known ? 201 : 401, { "content-type": "application/json" });
    const answer = known ? { hostId: this.hostId, credential: this.credential } : problemDocument("JOIN_TOKEN_USED");
    response.end(JSON.stringify(answer));
  }
}
