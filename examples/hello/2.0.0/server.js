// The sample application: a small HTTP server without a dependency.
import { createServer } from "node:http";
import { hostname } from "node:os";

const VERSION = "2.0.0";
const host = process.env.HOST ?? "127.0.0.1";
const port = Number(process.env.PORT ?? 8080);
const startedAt = new Date().toISOString();

function health(response) {
  response.writeHead(200, { "content-type": "text/plain" }).end("ok\n");
}

function greet(request, response) {
  response.writeHead(200, { "content-type": "application/json" });
  const about = {
    greeting: "Hello again",
    version: VERSION,
    host,
    port,
    machine: hostname(),
    pid: process.pid,
    startedAt,
  };
  response.end(`${JSON.stringify({ ...about, method: request.method, path: request.url })}\n`);
}

function echo(request, response) {
  response.writeHead(200, { "content-type": request.headers["content-type"] ?? "application/octet-stream" });
  request.pipe(response);
}

const server = createServer((request, response) => {
  response.setHeader("x-version", VERSION);
  if (request.url === "/healthz") return health(response);
  return request.method === "POST" ? echo(request, response) : greet(request, response);
});

server.listen(port, host, () => console.log(`hello ${VERSION} listens on http://${host}:${port}`));

// Asked to end: no new connections, the requests in hand are answered, then the process is over.
process.on("SIGTERM", () => {
  console.log("asked to end: finishing what is in hand");
  server.close(() => process.exit(0));
});
