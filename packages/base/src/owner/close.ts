import { globalAgent as httpAgent } from "node:http";
import { globalAgent as httpsAgent } from "node:https";
import type { OpenThing } from "@evenkeel/contracts/base-protocol";
import { takeBackGlobals } from "./globals.ts";
import { forgetHandle, type Handle, type Owner, runAsBase } from "./owner.ts";
import { takeBackPatches } from "./patches.ts";

interface Closed {
  readonly closed: OpenThing[];
  readonly left: OpenThing[];
}

interface Closable {
  close?: () => unknown;
  destroy?: () => unknown;
  kill?: (signal: number) => unknown;
  stopThread?: () => unknown;
  closeAllConnections?: () => unknown;
}

/** Closes and takes back all that an owner has; afterwards it holds nothing. */
export function closeAll(owner: Owner): Closed {
  // Node is in the midst of making it.
  owner.closeLate = (handle) => runAsBase(() => void setImmediate(closeLate, handle));
  const closed = new Tally();
  const left = new Tally();
  closeHandles(owner, closed, left);
  for (const { on, event, remove } of owner.listeners) {
    remove();
    closed.add("listener", `${event} on ${on}`);
  }
  owner.listeners.clear();
  takeBackGlobals(owner, closed, left);
  takeBackPatches(owner, closed, left);
  for (const thing of owner.refused.splice(0)) left.add(thing.kind, thing.name, thing.count);
  return { closed: closed.list(), left: left.list() };
}

function closeLate(handle: Handle): void {
  if (!belongsToPool(handle, pooledSockets())) closeOne(handle);
}

function closeHandles(owner: Owner, closed: Tally, left: Tally): void {
  const pooled = pooledSockets();
  for (const [asyncId, handle] of [...owner.handles]) {
    forgetHandle(owner, asyncId);
    if (belongsToPool(handle, pooled)) continue;
    const tally = closeOne(handle) ? closed : left;
    tally.add(KINDS[handle.type] ?? handle.type.toLowerCase(), handle.type);
  }
}

const KINDS: Readonly<Record<string, string>> = {
  Timeout: "timer",
  Immediate: "timer",
  TCPSERVERWRAP: "listening socket",
  PIPESERVERWRAP: "listening socket",
  TCPWRAP: "socket",
  PIPEWRAP: "pipe",
  UDPWRAP: "socket",
  FSEVENTWRAP: "file watcher",
  STATWATCHER: "file watcher",
  PROCESSWRAP: "child process",
  WORKER: "worker",
  MESSAGEPORT: "message port",
  FILEHANDLE: "file",
  DIRHANDLE: "file",
};

function closeOne({ type, resource }: Handle): boolean {
  try {
    if (type === "Timeout") clearTimeout(resource as NodeJS.Timeout);
    else if (type === "Immediate") clearImmediate(resource as NodeJS.Immediate);
    else closeClosable(type, resource);
    return true;
  } catch {
    return false;
  }
}

function closeClosable(type: string, resource: object): void {
  const handle = resource as Closable;
  if (type === "WORKER") return void handle.stopThread?.();
  if (type === "PROCESSWRAP") return void handle.kill?.(9);
  // The object around a handle ends in order, and tells those who wait for it; the bare handle would leave them waiting.
  const around = partOf(resource, "owner_symbol") as Closable | undefined;
  around?.closeAllConnections?.();
  if (around?.destroy) around.destroy();
  else if (around?.close) around.close();
  else handle.close?.();
}

function partOf(thing: object, description: string): unknown {
  const symbol = Object.getOwnPropertySymbols(thing).find((each) => each.description === description);
  return symbol && (thing as Record<symbol, unknown>)[symbol];
}

// A connection of a shared pool may carry the request of another module by now, and the pool closes idle ones by itself.
function belongsToPool({ type, resource }: Handle, pooled: ReadonlySet<unknown>): boolean {
  if (type !== "TCPWRAP") return false;
  const socket = partOf(resource, "owner_symbol");
  if (typeof socket !== "object" || socket === null) return false;
  return pooled.has(socket) || partOf(socket, "socket request counter") !== undefined;
}

function pooledSockets(): ReadonlySet<unknown> {
  return new Set(
    [httpAgent, httpsAgent].flatMap(({ freeSockets, sockets }) =>
      [...Object.values(freeSockets), ...Object.values(sockets)].flat(),
    ),
  );
}

/** Counts things by kind and name. */
export class Tally {
  readonly #counts = new Map<string, { kind: string; name: string; count: number }>();

  add(kind: string, name: string, count = 1): void {
    const key = `${kind}\n${name}`;
    const thing = this.#counts.get(key) ?? { kind, name, count: 0 };
    thing.count += count;
    this.#counts.set(key, thing);
  }

  list(): OpenThing[] {
    return [...this.#counts.values()];
  }
}
