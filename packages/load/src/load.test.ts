import { createServer as createHttpServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { startLoad } from "./load.ts";
import type { Kind, LoadOptions, LoadReport } from "./report.ts";

const servers: (Server | TcpServer)[] = [];
const sockets = new Set<Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

async function listen(server: Server | TcpServer): Promise<string> {
  servers.push(server);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const http = (listener: RequestListener): Promise<string> => listen(createHttpServer(listener));

const echo: RequestListener = (req, res) => {
  res.setHeader("x-version", "1.0.0");
  if (req.method === "POST") req.pipe(res);
  else res.end("hello");
};

/** Sends at least so many and reports. */
async function loadOf(requests: number, options: LoadOptions): Promise<LoadReport> {
  const load = startLoad(options);
  while (load.snapshot().sent < requests) await sleep(20);
  return await load.stop();
}

const only = (kind: Kind): LoadOptions["mix"] => ({ [kind]: 1 });

test("new and kept connections, with and without a body, have the same share of the requests", async () => {
  let connections = 0;
  const server = createHttpServer(echo).on("connection", () => {
    connections += 1;
  });
  const url = await listen(server);
  const report = await loadOf(200, { url, rate: 200 });
  expect(report.failed).toBe(0);
  expect(report.ok).toBe(report.sent);
  const oks = Object.values(report.byKind).map(({ ok }) => ok);
  expect(Math.max(...oks) - Math.min(...oks)).toBeLessThanOrEqual(1);
  expect(report.byVersion).toEqual({ "1.0.0": report.ok });
  // Half of the requests bring their own connection; the others share a few.
  expect(connections).toBeGreaterThanOrEqual(report.sent / 2);
  expect(connections).toBeLessThan(report.sent);
});

test("a request on a kept connection that dies is a failure and is not sent again", async () => {
  const seen: string[] = [];
  // Answers the first request of each connection and drops it at the second.
  const url = await listen(
    createTcpServer((socket) => {
      let requests = 0;
      socket.on("data", () => {
        requests += 1;
        seen.push(`${requests}`);
        if (requests === 1) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-version: 1\r\n\r\nok");
        else socket.destroy();
      });
    }),
  );
  const report = await loadOf(15, { url, rate: 20, mix: only("get-kept") });
  expect(report.failed).toBeGreaterThan(0);
  expect(report.failures[0]).toMatchObject({ kind: "reset", request: "get-kept" });
  expect(seen.length).toBe(report.sent);
  expect(seen.filter((place) => place === "2").length).toBe(report.failed);
});

test("a posted body on a kept connection that dies is not sent again either", async () => {
  let bodies = 0;
  const url = await listen(
    createHttpServer((req, res) => {
      bodies += 1;
      if (bodies % 3 === 0) req.socket.destroy();
      else req.pipe(res);
    }),
  );
  const report = await loadOf(20, { url, rate: 30, mix: only("post-kept") });
  expect(report.failed).toBe(Math.floor(report.sent / 3));
  expect(bodies).toBe(report.sent);
});

test("a body that ends early is a failure, whether its length was told or not", async () => {
  for (const head of ["content-length: 100\r\n\r\nhalf", "transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"]) {
    const url = await listen(
      createTcpServer((socket) => socket.once("data", () => socket.end(`HTTP/1.1 200 OK\r\n${head}`))),
    );
    const report = await loadOf(5, { url, rate: 20, mix: only("get-new") });
    expect(report.sent).toBeGreaterThan(0);
    expect(report.failuresByKind).toEqual({ cut: report.sent });
  }
});

test("an answer that does not come in time, another status and another body are failures", async () => {
  const silent = await listen(createTcpServer(() => undefined));
  const slow = await loadOf(5, { url: silent, rate: 20, timeoutMs: 200 });
  expect(slow.failuresByKind).toEqual({ timeout: slow.sent });

  const broken = await http((_, res) => res.writeHead(503).end());
  const refused = await loadOf(5, { url: broken, rate: 20 });
  expect(refused.failuresByKind).toEqual({ status: refused.sent });

  const other = await http((req, res) => req.resume().on("end", () => res.end("something else")));
  const wrong = await loadOf(5, { url: other, rate: 20, mix: only("post-new") });
  expect(wrong.failuresByKind).toEqual({ body: wrong.sent });

  await new Promise((resolve) => servers.pop()?.close(resolve));
  const gone = await loadOf(5, { url: other, rate: 20, mix: only("get-new") });
  expect(gone.failuresByKind).toEqual({ connect: gone.sent });
});

test("requests are sent at their time while earlier ones wait for an answer, up to the bound", async () => {
  const url = await http(() => undefined);
  const load = startLoad({ url, rate: 100, timeoutMs: 5000, maxInFlight: 30, mix: only("get-new") });
  while (load.snapshot().sent < 40) await sleep(50);
  expect(load.snapshot().inFlight).toBe(30);
  const report = await load.stop();
  expect(report.failuresByKind).toEqual({ timeout: 30, overload: report.sent - 30 });
  expect(report.failures).toHaveLength(20);
});

test("a mark ends one window and begins the next, and each has its own latencies", async () => {
  let delayMs = 0;
  const url = await http((_, res) => {
    const version = `${delayMs}`;
    setTimeout(() => res.setHeader("x-version", version).end(), delayMs);
  });
  const load = startLoad({ url, rate: 100, mix: only("get-kept") });
  const seconds: number[] = [];
  load.on("second", ({ second }) => seconds.push(second));
  while (load.snapshot().ok < 50) await sleep(20);
  delayMs = 1000;
  load.mark("slow");
  while (load.snapshot().byVersion["1000"] === undefined) await sleep(20);
  await sleep(1000);
  const report = await load.stop();
  expect(report.windows.map(({ name }) => name)).toEqual(["start", "slow"]);
  const [start, slow] = report.windows;
  expect(start!.requests + slow!.requests).toBe(report.requests);
  expect(slow!.p50Ms).toBeGreaterThanOrEqual(990);
  expect(start!.p50Ms).toBeLessThan(slow!.p50Ms!);
  expect(report.timeline.reduce((sum, { requests }) => sum + requests, 0)).toBe(report.requests);
  expect(seconds).toEqual(seconds.map((_, index) => index));
  expect(seconds.length).toBeGreaterThan(0);
});
