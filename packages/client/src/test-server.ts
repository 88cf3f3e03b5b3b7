import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type ErrorCode, type Facts, problemDocument } from "@evenkeel/contracts/error";
import { afterEach } from "vitest";

export interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly body: Buffer;
}
type Answer = (asked: Asked) => unknown;

/** A real HTTP server on a port of its own that answers as the test says: the other side of the API's protocol. */
export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly asked: string[];
  answer: Answer;
  close(): Promise<void>;
}

export async function startServer(answer: Answer, port = 0): Promise<TestServer> {
  const sockets = new Set<Socket>();
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    try {
      for await (const piece of request) pieces.push(piece as Buffer);
    } catch {
      return;
    }
    asked.push(`${request.method} ${request.url}`);
    const url = new URL(request.url ?? "/", "http://localhost");
    const value = await started.answer({ request, response, url, body: Buffer.concat(pieces) });
    if (!response.headersSent && !response.destroyed) send(response, 200, value);
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  const bound = (server.address() as AddressInfo).port;
  const started: TestServer = {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    asked,
    answer,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
  return started;
}

/** Starts servers that end with the test that has started them. */
export function serverPerTest(): typeof startServer {
  const servers: TestServer[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });
  return async (...given) => {
    const server = await startServer(...given);
    servers.push(server);
    return server;
  };
}

export function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

export function sendProblem(response: ServerResponse, code: ErrorCode, facts: Facts = {}): void {
  const problem = problemDocument(code, facts);
  response.writeHead(problem.status, { "content-type": "application/problem+json" }).end(JSON.stringify(problem));
}
