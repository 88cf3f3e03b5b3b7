// Small processes that carry a listening socket from one Node process to another; started by socket-handover.ts alone.
//
//   bind   binds and listens, then sends the socket to its parent
//   give   has the socket as descriptor 4, sends it to the other end of its channel
//   relay  its channel is the connection to a `give`; what it receives it hands to a `give` of its own, whose channel is
//          descriptor 4: the way to the process that asked. (A Node process has one channel, so a way with two needs two.)
//
// 1. No process here ever accepts: each sends and closes within the turn in which the socket came to life,
//    so that the event loop never polls it and no connection is taken from the queue and lost.
import { type SendHandle, spawn } from "node:child_process";
import { createServer, type Server } from "node:net";
import { LISTEN_BACKLOG } from "./listening.ts";

const CHANNEL = 3;
const PAYLOAD = 4;

/** Sends the bare handle: a `net.Server` would begin to accept at the receiver. */
function sendAndEnd(server: Server): void {
  const { _handle: handle } = server as unknown as { _handle: SendHandle };
  process.send?.({ kind: "socket", address: server.address() }, handle, {}, () => process.exit(0));
  server.close();
}

function bind(host: string, port: number): void {
  const server = createServer();
  server.once("error", (error: NodeJS.ErrnoException) => {
    process.send?.({ kind: "failed", code: error.code ?? "UNKNOWN" }, undefined, {}, () => process.exit(1));
  });
  server.listen({ host, port, exclusive: true, backlog: LISTEN_BACKLOG }, () => sendAndEnd(server));
}

function give(): void {
  const server = createServer().listen({ fd: PAYLOAD, backlog: LISTEN_BACKLOG });
  sendAndEnd(server);
}

function relay(): void {
  process.once("message", (_message, handle) => {
    const child = spawn(process.execPath, [import.meta.filename, "give"], {
      env: { ...process.env, NODE_CHANNEL_FD: String(CHANNEL) },
      stdio: ["ignore", "ignore", "ignore", PAYLOAD, (handle as unknown as { fd: number }).fd],
    });
    child.once("exit", () => process.exit(0));
  });
}

const [, , role, host = "", port = ""] = process.argv;
if (role === "bind") bind(host, Number(port));
else if (role === "give") give();
else if (role === "relay") relay();
else throw new Error(`unknown role ${role}`);
