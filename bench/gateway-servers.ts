// One server per process, so that each has a processor of its own: `node gateway-servers.ts NAME PORT BACKEND_PORT`.

import { Agent, createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";

const [name = "", port = "", backendPort = ""] = process.argv.slice(2);
const backend = `http://127.0.0.1:${backendPort}`;
const BODY = Buffer.from(JSON.stringify({ version: "1.0.0", text: "x".repeat(64) }));

const SERVERS: Readonly<Record<string, () => Promise<Server>>> = {
  backend: async () =>
    createServer({ keepAliveTimeout: 60_000 }, (_, res) => {
      res.writeHead(200, { "content-type": "application/json", "content-length": BODY.length });
      res.end(BODY);
    }),

  "@fastify/http-proxy": async () => {
    const { fastify } = await import("fastify");
    const { default: proxy } = await import("@fastify/http-proxy");
    const app = fastify();
    await app.register(proxy, { upstream: backend, undici: { connections: 128, pipelining: 1 } });
    await app.ready();
    return app.server;
  },

  httpxy: async () => {
    const { createProxyServer } = await import("httpxy");
    const proxy = createProxyServer({ target: backend, agent: new Agent({ keepAlive: true }) });
    return createServer((req, res) => void proxy.web(req, res));
  },

  "fast-proxy": async () => {
    const { default: fastProxy } = await import("fast-proxy");
    const { proxy } = fastProxy({ base: backend, undici: { connections: 128, pipelining: 1 } });
    return createServer((req, res) => proxy(req, res, req.url ?? "/", {}));
  },

  "node:http + pipe": async () => {
    const agent = new Agent({ keepAlive: true });
    return createServer((req, res) => {
      const call = request(`${backend}${req.url}`, { agent, method: req.method, headers: req.headers }, (answer) => {
        res.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(res);
      });
      call.on("error", () => res.destroy());
      req.pipe(call);
    });
  },
};

const server = await SERVERS[name]?.();
if (server === undefined) throw new Error(`there is no server ${name}`);
server.listen(Number(port), "127.0.0.1", () => {
  console.log(`${name} on ${(server.address() as AddressInfo).port}`);
});
