export { forgetOldKeys } from "./store.ts";

import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { PlatformError } from "@evenkeel/contracts/error";
import type { Log } from "@evenkeel/kit/log";
import { documentOf } from "./problem.ts";
import { makeApp, type Service } from "./serve.ts";
import { holdUpgrades, type UpgradeHandlers } from "./upgrade.ts";

/** A server that listens already, says 503 until it is given something to serve, and lets links wait for that. */
export interface OpenServer {
  readonly url: string;
  readonly port: number;
  serve(service: Service, upgrades: UpgradeHandlers): Promise<void>;
  /** Takes no new connection, ends streams, waits for what is under way; `hurry` cuts it. */
  close(hurry: AbortSignal): Promise<void>;
}

export interface OpenServerOptions {
  readonly host: string;
  readonly port: number;
  readonly log: Log;
}

const GRACE_MS = 10_000;
const IDLE_MS = 50;

/** Takes the port. */
export async function openServer({ host, port, log }: OpenServerOptions): Promise<OpenServer> {
  let listener: RequestListener = refuseForNow;
  const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => listener(request, response));
  const held = holdUpgrades(server);
  const ending = new AbortController();
  await listen(server, host, port);
  const address = server.address() as AddressInfo;
  const shownHost = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    url: `http://${shownHost}:${address.port}`,
    port: address.port,
    serve: async (service, upgrades) => {
      const app = makeApp(service, ending.signal, log);
      await app.ready();
      listener = (request, response) => app.routing(request, response);
      held.serve(upgrades);
    },
    close: async (hurry) => {
      ending.abort();
      held.drop();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A kept connection is idle only after its last answer.
      const idle = setInterval(() => server.closeIdleConnections(), IDLE_MS);
      const cut = (): void => server.closeAllConnections();
      const grace = setTimeout(cut, GRACE_MS);
      hurry.addEventListener("abort", cut, { once: true });
      await closed;
      clearTimeout(grace);
      clearInterval(idle);
    },
  };
}

/** Agents that come back by the thousand wait in it; beyond it a connection waits for a second until it is tried again. The system may allow less. */
const BACKLOG = 4096;

async function listen(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", (error: NodeJS.ErrnoException) =>
    reject(error.code === "EADDRINUSE" ? new PlatformError("PORT_TAKEN", { port, holder: "another process" }) : error),
  );
  server.listen({ port, host, backlog: BACKLOG }, resolve);
  await promise;
}

const refuseForNow: RequestListener = (_, response) => {
  const document = documentOf(new PlatformError("UNAVAILABLE", { what: "The control plane, which is starting," }), "");
  response.writeHead(document.status, { "content-type": "application/problem+json", "retry-after": "1" });
  response.end(JSON.stringify(document));
};
