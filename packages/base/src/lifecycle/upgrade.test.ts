import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { shareLibraries } from "../inline/require.ts";
import { answering, BaseBed } from "../testing.ts";

type Isolation = "inline" | "worker";
const ISOLATIONS: Isolation[] = ["inline", "worker"];

const LIBRARIES = shareLibraries(createRequire(import.meta.url), ["ws"]);
const chat = (version: string, isolation: Isolation = "inline") => ({
  ...{ name: "chat", version, isolation, provides: { routes: [{ path: "/chat" }] } },
  needs: { libraries: { ws: "^8.0.0" } },
});

/** Answers each message with its version and the message, and does what some of them say. */
const chatting = (version: string): string => `const { WebSocketServer } = require("ws");
  exports.activate = () => {
    const server = new WebSocketServer({ noServer: true });
    const hear = (socket, text) => {
      if (text === "throw") throw new Error("misheard");
      if (text === "crash") setImmediate(() => { throw new Error("boom"); });
      if (text === "leak") setInterval(() => {}, 1000);
      socket.send("${version} " + text);
    };
    return { upgrades: (request, socket, head) => server.handleUpgrade(request, socket, head, (opened) =>
      opened.on("message", (bytes) => hear(opened, bytes.toString()))) };
  };`;

class Client {
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = once(socket, "close").then(([code, reason]) => ({ code: Number(code), reason: String(reason) }));
    socket.on("error", () => undefined);
  }

  static async open(bed: BaseBed, headers: Record<string, string> = {}): Promise<Client> {
    const socket = new WebSocket(`ws://127.0.0.1:${bed.port}/chat`, { headers });
    const client = new Client(socket);
    await once(socket, "open");
    return client;
  }

  async ask(text: string): Promise<string> {
    const answered = once(this.#socket, "message");
    this.tell(text);
    return String((await answered)[0]);
  }

  tell(text: string): void {
    this.#socket.send(text);
  }

  async close(): Promise<void> {
    this.#socket.close();
    await this.closed;
  }
}

/** Asks for an upgrade that is answered otherwise. */
async function refused(bed: BaseBed, path: string): Promise<{ status: number; body: string }> {
  const headers = { connection: "upgrade", upgrade: "websocket" };
  const request = httpRequest({ host: "127.0.0.1", port: bed.port, path, headers, agent: false });
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let body = "";
  for await (const chunk of response) body += String(chunk);
  return { status: response.statusCode ?? 0, body };
}

test.each(ISOLATIONS)(
  "a WebSocket stays on the version it began on, new ones meet the new version: %s",
  async (isolation) => {
    await using bed = await BaseBed.open({ libraries: LIBRARIES });
    await bed.install(chat("1.0.0", isolation), chatting("one"));
    const early = await Client.open(bed);
    expect(await early.ask("hello")).toBe("one hello");
    await bed.install(chat("2.0.0", isolation), chatting("two"));
    const late = await Client.open(bed);
    expect(await late.ask("hello")).toBe("two hello");
    expect(await early.ask("again")).toBe("one again");
    expect(bed.base.report().modules).toMatchObject([
      { version: "1.0.0", state: "draining", inFlight: 1 },
      { version: "2.0.0", state: "active", inFlight: 1 },
    ]);
    await early.close();
    await expect.poll(() => bed.base.report().modules.length, { timeout: 60_000 }).toBe(1);
    expect(await late.ask("still")).toBe("two still");
    await late.close();
  },
);

test.each(ISOLATIONS)(
  "once the time to drain is over it is closed with 1001, and nothing stays: %s",
  async (isolation) => {
    await using bed = await BaseBed.open({ libraries: LIBRARIES });
    await bed.install({ ...chat("1.0.0", isolation), drainSeconds: 0.1 }, chatting("one"));
    const client = await Client.open(bed);
    const other = await Client.open(bed);
    expect(await client.ask("leak")).toBe("one leak");
    const { proof } = await bed.uninstall("chat", "1.0.0", "memory");
    expect(await client.closed).toEqual({ code: 1001, reason: "MODULE_LEAVING" });
    expect(await other.closed).toEqual({ code: 1001, reason: "MODULE_LEAVING" });
    expect(proof).toMatchObject({ left: [], memory: "freed" });
    // What a message has opened is the module's.
    if (isolation === "inline") expect(proof.closed).toMatchObject([{ kind: "timer" }]);
  },
);

test.each(ISOLATIONS)(
  "a listener that throws closes its own connection with 1011 and no other: %s",
  async (isolation) => {
    await using bed = await BaseBed.open({ libraries: LIBRARIES });
    await bed.install(chat("1.0.0", isolation), chatting("one"));
    const [bad, good] = [await Client.open(bed), await Client.open(bed)];
    bad.tell("throw");
    expect(await bad.closed).toEqual({ code: 1011, reason: "MODULE_FAILED" });
    expect(await good.ask("there")).toBe("one there");
    await good.close();
    const { lines } = await bed.base.perform("log", { name: "chat", version: "1.0.0", lines: 100 });
    expect(lines.map(({ text }) => text).join("\n")).toMatch(/misheard[\s\S]*module:chat@1\.0\.0/);
  },
);

test("connections of a thread that crashes end with it, and the thread takes new ones when it is back", async () => {
  await using bed = await BaseBed.open({ libraries: LIBRARIES });
  await bed.install(chat("1.0.0", "worker"), chatting("one"));
  const client = await Client.open(bed);
  client.tell("crash");
  await client.closed;
  const answers = (): Promise<string> =>
    Client.open(bed).then(async (next) => {
      const answer = await next.ask("back");
      await next.close();
      return answer;
    }, String);
  await expect.poll(answers, { timeout: 60_000 }).toBe("one back");
});

test("a base that ends closes its WebSockets at once, whatever time a module has to drain", async () => {
  await using bed = await BaseBed.open({ libraries: LIBRARIES });
  await bed.install({ ...chat("1.0.0"), drainSeconds: 3600 }, chatting("one"));
  const client = await Client.open(bed);
  await bed.base.close();
  expect(await client.closed).toEqual({ code: 1001, reason: "MODULE_LEAVING" });
});

test("rules say who takes an upgrade; where a module takes none it is refused, or the base's", async () => {
  await using bed = await BaseBed.open({ libraries: LIBRARIES });
  const plain = { name: "chat", version: "1.0.0", provides: { routes: [{ path: "/chat" }] } };
  await bed.install(plain, answering("plain"));
  // The server of the bed cuts what is not a module's.
  await expect(refused(bed, "/chat")).rejects.toThrow("socket hang up");
  await bed.install(chat("2.0.0"), chatting("two"), { replace: false, publish: { tags: {} } });
  const gray = {
    on: { kind: "route" as const, name: "/chat" },
    to: [{ tags: {}, version: "1.0.0", weight: 1 }],
    stickyOn: "",
  };
  await bed.base.perform("split", {
    operationId: "s",
    rules: [{ ...gray, when: { header: { name: "x-old", equals: "yes" } } }],
  });
  const client = await Client.open(bed);
  expect(await client.ask("hello")).toBe("two hello");
  await client.close();
  await bed.base.perform("split", { operationId: "t", rules: [{ ...gray, when: {} }] });
  const { status, body } = await refused(bed, "/chat");
  expect({ status, ...JSON.parse(body) }).toMatchObject({ status: 400, code: "UPGRADE_REFUSED" });
  await bed.uninstall("chat", "1.0.0");
  const asked = await bed.get("/chat");
  expect({ status: asked.status, ...JSON.parse(asked.body) }).toMatchObject({ status: 426, code: "UPGRADE_REQUIRED" });
  await bed.base.perform("unpublish", { operationId: "u", name: "chat", version: "2.0.0" });
  await expect(refused(bed, "/chat")).rejects.toThrow("socket hang up");
});

test("a connection of another protocol is cut when the time to drain is over", async () => {
  await using bed = await BaseBed.open();
  const echo = `exports.activate = () => ({ upgrades: (request, socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\\r\\nconnection: upgrade\\r\\nupgrade: echo\\r\\n\\r\\n"); socket.pipe(socket);
  } });`;
  const provides = { routes: [{ path: "/echo" }] };
  await bed.install({ name: "echo", version: "1.0.0", drainSeconds: 0, provides }, echo);
  const headers = { connection: "upgrade", upgrade: "echo" };
  const request = httpRequest({ host: "127.0.0.1", port: bed.port, path: "/echo", headers, agent: false });
  request.end();
  const [, socket] = (await once(request, "upgrade")) as [IncomingMessage, Socket];
  socket.on("error", () => undefined).write("hello");
  expect(String((await once(socket, "data"))[0])).toBe("hello");
  const closed = once(socket, "close");
  const { proof } = await bed.uninstall("echo", "1.0.0", "memory");
  await closed;
  expect(proof).toMatchObject({ left: [], memory: "freed" });
});

test("one that cannot be taken is answered with its reason", async () => {
  await using bed = await BaseBed.open();
  const failing = "exports.activate = () => ({ upgrades: { '/chat': async () => { throw new Error('no room'); } } });";
  const manifest = { name: "chat", version: "1.0.0", provides: { routes: [{ path: "/chat" }] } };
  await bed.install(manifest, failing);
  const { status, body } = await refused(bed, "/chat");
  expect({ status, ...JSON.parse(body) }).toMatchObject({
    status: 500,
    code: "MODULE_FAILED",
    title: expect.stringContaining("no room"),
  });
  const astray = "exports.activate = () => ({ upgrades: { '/chatt': () => {} } });";
  await expect(bed.install({ ...manifest, version: "2.0.0" }, astray)).rejects.toMatchObject({
    code: "UPGRADE_UNDECLARED",
  });
});
