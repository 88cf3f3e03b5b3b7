// The thread of a module with `isolation: worker`: the same loader as inline, alone in an isolate of its own. Its routes are served on a unix socket,
// as by any HTTP server; everything else is a message.
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import { getHeapStatistics } from "node:v8";
import { ModuleLog } from "../inline/module-log.ts";
import { InlineRuntime } from "../inline/runtime.ts";
import { Connection, closingOf } from "../lifecycle/connection.ts";
import type { Offer } from "../lifecycle/runtime.ts";
import type { Service, UpgradeHandler } from "../module-api.ts";
import { knowGlobals } from "../owner/globals.ts";
import { longestBelow } from "../publication/path.ts";
import { answerError } from "../publication/requests.ts";
import { refuseWithError, type Upgrade } from "../publication/upgrades.ts";
import { methodsOf } from "../service/reference.ts";
import { ownThreadId } from "./priority.ts";
import { port, started } from "./start.ts";
import { type Callee, Calls, heldBy, toWire, type WireMessage, type WorkerOffer } from "./wire.ts";

knowGlobals();
// Until then it is a spare one.
const { facts, code, cache, libraries, socketPath } = await started;
const tell = (message: WireMessage): void => port.postMessage(message);
const buffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

let offer: Offer | null = null;
const connections = new Set<Connection>();
const calls = new Calls(port, serve);

function start(): InlineRuntime {
  const loading = ([name, { version, from }]: [string, { version: string; from: string }]) =>
    [name, { version, from, load: createRequire(from) }] as const;
  const log = new ModuleLog(`${facts.manifest.name}@${facts.manifest.version}`, (stream, text) =>
    tell({ kind: "log", stream, text }),
  );
  const bundle = { facts, code: buffer(code), cache: cache && buffer(cache) };
  return new InlineRuntime(bundle, {
    serial: 1,
    libraries: Object.fromEntries(Object.entries(libraries).map(loading)),
    log,
    service: remoteService,
    // In a thread of its own it ends that thread, as it would end a process.
    fault: (error) => {
      throw error;
    },
    busy: () => undefined,
    interrupted: () => undefined,
    emit: async (name, payload) => void (await calls.call({ kind: "emit", name }, [payload])),
  });
}

/** A service on the other side; each call of it is a message, so each answer a promise. */
function remoteService(name: string): object {
  return new Proxy<Service>(
    {},
    {
      get: (_, method) =>
        typeof method !== "string" || method === "then"
          ? undefined
          : (...args: unknown[]) => calls.call({ kind: "service", name, method }, args),
    },
  );
}

function serve(callee: Callee, args: readonly unknown[]): unknown {
  switch (callee.kind) {
    case "activate":
      return activate();
    case "shutdown":
      return runtime.shutdown();
    case "hang-up":
      return runtime.hangUp(connections, callee.closing);
    case "pulse":
      return process.hrtime.bigint();
    case "snippet":
      return runtime.enter(() => offer?.snippet?.(args[0]));
    case "health":
      return runtime.enter(() => offer?.health?.());
    case "event":
      return runtime.enter(() => offer?.events.get(callee.name)?.(args[0]));
    case "job":
      return runtime.enter(() => offer?.jobs.get(callee.name)?.());
    case "component":
      return runtime.enter(() => offer?.components.get(callee.name)?.(args[0], args[1] as never));
    case "service":
      return runtime.enter(() => (offer?.services.get(callee.name) as Service | undefined)?.[callee.method]?.(...args));
    case "emit":
      return undefined;
  }
}

async function activate(): Promise<WorkerOffer> {
  const active = await runtime.activate();
  offer = active;
  if (active.routes.size > 0) await listen(active);
  return {
    routes: [...active.routes.keys()],
    upgrades: [...active.upgrades.keys()],
    services: Object.fromEntries([...active.services].map(([name, service]) => [name, methodsOf(service)])),
    events: [...active.events.keys()],
    jobs: [...active.jobs.keys()],
    components: [...active.components.keys()],
    snippet: active.snippet !== null,
    health: active.health !== null,
  };
}

async function listen({ routes, upgrades }: Offer): Promise<void> {
  const prefixes = [...routes.keys()].sort((one, other) => other.length - one.length);
  const at = <Handler>(handlers: ReadonlyMap<string, Handler>, { url = "/" }: IncomingMessage): Handler | undefined =>
    handlers.get(longestBelow(prefixes, url) ?? "");
  const server = createServer((request, response) => {
    const handler = at(routes, request);
    const fail = (error: unknown): void => {
      note(error);
      if (!response.writableEnded) answerError(response, error, facts.manifest.name);
    };
    runtime.lend(request, fail);
    runtime.lend(response, fail);
    const handle = async (): Promise<unknown> => runtime.enter(() => handler?.(request, response));
    void handle().catch(fail);
  });
  if (upgrades.size > 0)
    server.on("upgrade", (request, socket, head) => take(at(upgrades, request), { request, socket, head }));
  server.keepAliveTimeout = 0;
  server.listen(socketPath);
  await once(server, "listening");
}

/** A connection that the base has passed on to be taken out of HTTP. */
function take(handler: UpgradeHandler | undefined, { request, socket, head }: Upgrade): void {
  const connection = new Connection(request, socket);
  connections.add(connection);
  void connection.closed.then(() => connections.delete(connection));
  const fail = (error: unknown): void => {
    note(error);
    if (connection.answered) connection.end(closingOf(error));
    else refuseWithError(socket, error, facts.manifest.name);
  };
  runtime.lend(socket, fail);
  const handle = async (): Promise<unknown> => runtime.enter(() => handler?.(request, socket, head));
  void handle().catch(fail);
}

const note = (error: unknown): void => tell({ kind: "log", stream: "stderr", text: toWire(error).stack ?? "" });

port.on("message", (message: WireMessage) => {
  if (message.kind === "call") void calls.answer(message);
  else if (message.kind === "answer") calls.settle(message);
});

let runtime: InlineRuntime;
try {
  const ownBytes = heldBy(getHeapStatistics());
  runtime = start();
  tell({ kind: "loaded", cache: runtime.cache, loadMs: runtime.loadMs, thread: { id: ownThreadId(), ownBytes } });
} catch (error) {
  tell({ kind: "failed", error: toWire(error) });
  port.close();
}
