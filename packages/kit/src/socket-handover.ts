import { type ChildProcess, spawn } from "node:child_process";
import { rm } from "node:fs/promises";
import { createConnection, createServer, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { PlatformError } from "@evenkeel/contracts/error";

// 1. The socket that a supervisor holds is never accepted from there: it is a bare handle that nobody listens on.
// 2. As long as one process holds it, new connections wait in its queue; the last one to close it ends that.
// 3. A hand-over takes nothing from the giver: it goes on serving, before, meanwhile and after.
// 4. Killed anywhere in a hand-over, either side: the giver serves on, the taker asks again.

const RELAY = fileURLToPath(new URL("./socket-relay.ts", import.meta.url));
const TAKE_LIMIT_MS = 10_000;

/** A listening TCP socket that is held, not served: its place in `stdio` of a spawn makes it the child's descriptor. */
export interface HeldSocket {
  readonly address: string;
  readonly port: number;
  /** Descriptor for `spawn(…, { stdio: ["ignore", out, out, held.fd] })`; the child then does `listen({ fd: 3 })`. */
  readonly fd: number;
  close(): void;
}

interface BareHandle {
  readonly fd: number;
  close(): void;
}

interface Message {
  readonly kind: "socket" | "failed";
  readonly code?: string;
  readonly address?: { address: string; port: number };
}

/** Binds a listening socket and holds it; PORT_TAKEN when another has the port, PORT_FORBIDDEN when this user may not. */
export async function bindSocket({ host, port }: { host: string; port: number }): Promise<HeldSocket> {
  const child = spawn(process.execPath, [RELAY, "bind", host, String(port)], {
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  const held = await receive(child);
  if (typeof held !== "string") return held;
  if (held === "EACCES") throw new PlatformError("PORT_FORBIDDEN", { port });
  if (held === "EADDRINUSE") throw new PlatformError("PORT_TAKEN", { port, holder: "another process" });
  throw new PlatformError("PART_FAILED", {
    part: `the socket of ${host}:${port}`,
    problem: held,
    log: "the message above",
  });
}

/** Asks the process that serves hand-overs at this path for its listening socket; null when nobody answers there. */
export async function takeSocket(path: string): Promise<HeldSocket | null> {
  const connection = await connect(path);
  if (connection === null) return null;
  // Through the shell, because spawn itself names the channel that it makes, and this child's channel is the connection.
  const child = spawn("sh", ["-c", 'NODE_CHANNEL_FD=3 exec "$0" "$1" relay', process.execPath, RELAY], {
    stdio: ["ignore", "ignore", "ignore", connection, "ipc"],
  });
  connection.destroy();
  const held = await receive(child);
  return typeof held === "string" ? null : held;
}

function connect(path: string): Promise<Socket | null> {
  return new Promise((resolve) => {
    // Never read here: the descriptor that comes with the first byte would be lost.
    const socket = createConnection({ path }).pause();
    socket.once("connect", () => resolve(socket));
    socket.once("error", () => resolve(null));
  });
}

/** The socket, or the code of what went wrong. */
async function receive(child: ChildProcess): Promise<HeldSocket | string> {
  return await new Promise((resolve) => {
    const limit = setTimeout(() => child.kill("SIGKILL"), TAKE_LIMIT_MS);
    child.once("message", (message, handle) => resolve(hold(message as Message, handle)));
    child.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    // The channel ends after its last message was delivered, whatever became of the processes on the way.
    child.once("close", () => {
      clearTimeout(limit);
      resolve("CLOSED");
    });
  });
}

function hold({ kind, code, address }: Message, handle: unknown): HeldSocket | string {
  if (kind === "failed" || address === undefined || handle === undefined) return code ?? "NO_SOCKET";
  const bare = handle as BareHandle;
  return {
    address: address.address,
    port: address.port,
    fd: bare.fd,
    close: () => bare.close(),
  };
}

/** Gives the listening socket behind this descriptor to whoever connects to this path, which must lie in a folder that is closed to others. */
export async function serveHandover({
  path,
  fd,
}: {
  path: string;
  fd: () => number;
}): Promise<{ close(): Promise<void> }> {
  await rm(path, { force: true });
  const door = createServer({ pauseOnConnect: true }, (connection) => {
    connection.on("error", () => undefined);
    const child = spawn(process.execPath, [RELAY, "give"], {
      env: { ...process.env, NODE_CHANNEL_FD: "3", NODE_CHANNEL_SERIALIZATION_MODE: "json" },
      stdio: ["ignore", "ignore", "ignore", connection, fd()],
    });
    child.once("error", () => undefined);
    connection.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    door.once("error", reject);
    door.listen(path, resolve);
  });
  door.unref();
  return { close: () => new Promise((resolve) => door.close(() => resolve())) };
}
