import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";

/** Takes a request for a WebSocket over; it answers it itself. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Gives each path its own handler of WebSockets; any other path is answered with 404. */
export function routeUpgrades(server: Server, handlers: Readonly<Record<string, UpgradeHandler>>): void {
  server.on("upgrade", (request, socket, head) => {
    // A peer that vanishes here must not end the process.
    socket.on("error", () => socket.destroy());
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const handler = Object.hasOwn(handlers, path) ? handlers[path] : undefined;
    if (handler !== undefined) return handler(request, socket, head);
    socket.end("HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  });
}
