import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { GATEWAY_LINK_PATH, GatewayMessage } from "@evenkeel/contracts/gateway-protocol";
import { GatewayId, newId } from "@evenkeel/contracts/id";
import type { RouteTable } from "@evenkeel/contracts/route-table";
import { type WebSocket, WebSocketServer } from "ws";
import { type Bench, quantile } from "./benchmark.ts";
import { freePort, startChild } from "./child.ts";
import { makeTable } from "./gateway-lanes.ts";
import type { LoadTool } from "./http-load.ts";

const CHANGES = 1000;
const CONNECTIONS = 10;

/** A thousand changes of weights under load: how many requests failed, and how long each took until new requests went by it. */
export async function changeWeights(folder: string, tool: LoadTool, bench: Bench) {
  const ports = [await answering("first", bench), await answering("second", bench)];
  const table = makeTable(ports);
  const { port, push } = await startGateway(join(folder, "weights"), bench);
  await push(table([1, 0], 0));
  let over = false;
  let failed = 0;
  let requests = 0;
  const spec = { url: `http://127.0.0.1:${port}/`, connections: CONNECTIONS, seconds: 1, headers: {} };
  const load = (async () => {
    while (!over) {
      const result = await tool.run(spec);
      failed += result.failed;
      requests += result.requests;
    }
  })();
  const times: number[] = [];
  for (let change = 1; change <= CHANGES; change += 1) {
    const second = change % 2;
    const began = performance.now();
    await push(table([1 - second, second], 0));
    while ((await whoAnswers(port)) !== (second === 1 ? "second" : "first"));
    times.push(performance.now() - began);
  }
  over = true;
  await load;
  const p99 = quantile(times, 0.99);
  bench.say(
    `\n${CHANGES} changes of weights under ${requests} requests: ${failed} failed; p50 ${quantile(times, 0.5).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
  );
  return { weightChanges: CHANGES, weightChangeFailedRequests: failed, weightChangeP99Ms: p99 };
}

/** A gateway that drives HAProxy, linked to us; a push resolves when it has said that the table is in force. */
async function startGateway(home: string, { defer }: Bench) {
  await mkdir(home);
  const credential = { gatewayId: newId(GatewayId, "gtw"), credential: "of-the-bench" };
  const server = createServer((req, res) => {
    req.resume();
    res.writeHead(201, { "content-type": "application/json" }).end(JSON.stringify(credential));
  });
  const linked = once(new WebSocketServer({ server, path: `/api/v1${GATEWAY_LINK_PATH}` }), "connection");
  const port = await freePort();
  const child = await startChild({
    command: process.execPath,
    args: [join(import.meta.dirname, "../apps/gateway/src/main.ts")],
    env: {
      EVENKEEL_GATEWAY_HOME: home,
      EVENKEEL_GATEWAY_DRIVER: "haproxy",
      EVENKEEL_GATEWAY_LISTEN: `127.0.0.1:${port}`,
      EVENKEEL_CONTROL_PLANES: `http://127.0.0.1:${await listen(server, defer)}`,
      EVENKEEL_JOIN_TOKEN: "of-the-bench",
    },
    port,
  });
  defer(() => child.stop());
  const [socket] = (await linked) as [WebSocket];
  const applied = new Map<number, () => void>();
  socket.on("message", (data) => {
    const message = GatewayMessage.parse(JSON.parse(String(data)));
    if (message.kind === "applied") applied.get(message.tableVersion)?.();
    if (message.kind === "heartbeat") send({ kind: "heartbeat", serverAt: new Date().toISOString() });
  });
  const send = (order: object): void => socket.send(JSON.stringify(order));
  const push = (table: RouteTable): Promise<void> => {
    const done = new Promise<void>((resolve) => applied.set(table.version, resolve));
    send({ kind: "table", table });
    return done;
  };
  return { port, push };
}

async function answering(name: string, { defer }: Bench): Promise<number> {
  return await listen(
    createServer((_, res) => res.end(name)),
    defer,
  );
}

async function listen(server: Server, defer: Bench["defer"]): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  defer(async () => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

function whoAnswers(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ host: "127.0.0.1", port, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve(text)).on("error", reject);
    });
    call.on("error", reject);
    call.end();
  });
}
