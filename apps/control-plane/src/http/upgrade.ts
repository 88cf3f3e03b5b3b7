import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";

/** Takes a request for a WebSocket over; it answers it itself. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
export type UpgradeHandlers = Readonly<Record<string, UpgradeHandler>>;

const HELD_AT_MOST = 10_000;
/** Agents and gateways wait no longer for an answer. */
const HELD_MS = 6000;

/** Gives each path its own handler of WebSockets; any other path is answered with 404. */
export function routeUpgrades(server: Server, handlers: UpgradeHandlers): void {
  server.on("upgrade", (request, socket, head) => {
    // A peer that vanishes here must not end the process.
    socket.on("error", () => socket.destroy());
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const handler = Object.hasOwn(handlers, path) ? handlers[path] : undefined;
    if (handler !== undefined) return handler(request, socket, head);
    refuse(socket, "404 Not Found");
  });
}

/** Requests for a WebSocket that wait for the end of a start. */
export interface HeldUpgrades {
  serve(handlers: UpgradeHandlers): void;
  drop(): void;
}

/**
 * Holds requests for a WebSocket while the server has nothing to serve yet, so many and so long at most. Ten thousand agents that come back
 * while a control plane starts would each be refused, and come again: that is what the start would be busy with.
 */
export function holdUpgrades(server: Server): HeldUpgrades {
  const held = new Map<
    Duplex,
    { readonly request: IncomingMessage; readonly head: Buffer; readonly late: NodeJS.Timeout }
  >();
  const release = (socket: Duplex): void => {
    clearTimeout(held.get(socket)?.late);
    held.delete(socket);
  };
  const refuseForNow = (socket: Duplex): void => {
    release(socket);
    refuse(socket, "503 Service Unavailable");
  };
  const hold: UpgradeHandler = (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    socket.once("close", () => release(socket));
    if (held.size >= HELD_AT_MOST) return refuseForNow(socket);
    held.set(socket, { request, head, late: setTimeout(() => refuseForNow(socket), HELD_MS) });
  };
  server.on("upgrade", hold);
  return {
    serve(handlers) {
      server.off("upgrade", hold);
      routeUpgrades(server, handlers);
      for (const [socket, { request, head }] of [...held]) {
        release(socket);
        if (!socket.destroyed) server.emit("upgrade", request, socket, head);
      }
    },
    drop() {
      for (const socket of [...held.keys()]) {
        release(socket);
        socket.destroy();
      }
    },
  };
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
