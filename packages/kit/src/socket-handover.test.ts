import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { endIdentity, type ProcessIdentity, readIdentity } from "./process-identity.ts";
import { bindSocket, type HeldSocket, takeSocket } from "./socket-handover.ts";

let folder: string;
const started: ProcessIdentity[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "handover-"));
});

afterEach(async () => {
  for (const identity of started.splice(0)) await endIdentity(identity, "SIGKILL", 5000);
  rmSync(folder, { recursive: true, force: true });
});

const SERVER = `
import { createServer } from "node:http";
import { serveHandover } from "${new URL("./socket-handover.ts", import.meta.url).pathname}";
const server = createServer((request, response) => response.end(String(process.pid)));
server.listen({ fd: 3 }, () => serveHandover({ path: process.env.DOOR, fd: () => server._handle.fd }));
`;

function startServer(held: HeldSocket): ProcessIdentity {
  const child = spawn(process.execPath, ["--input-type=module", "-e", SERVER], {
    detached: true,
    env: { ...process.env, DOOR: join(folder, "door") },
    stdio: ["ignore", "ignore", "inherit", held.fd],
  });
  child.unref();
  const identity = readIdentity(child.pid ?? 0);
  if (identity === null) throw new Error("the server did not start");
  started.push(identity);
  return identity;
}

/** One request on a connection of its own; the answer is the pid of the server. */
function ask(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ host: "127.0.0.1", port, agent: false }, (response) => {
      let text = "";
      response.on("data", (bytes) => {
        text += bytes;
      });
      response.on("end", () => resolve(text));
    });
    call.on("error", reject);
    call.end();
  });
}

async function takeWhenReady(): Promise<HeldSocket> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const held = await takeSocket(join(folder, "door"));
    if (held !== null) return held;
    await sleep(20);
  }
  throw new Error("nobody hands the socket over");
}

test("connections made while a killed server comes back wait and are answered by its successor", async () => {
  const held = await bindSocket({ host: "127.0.0.1", port: 0 });
  const first = startServer(held);
  expect(await ask(held.port)).toBe(String(first.pid));
  await endIdentity(first, "SIGKILL", 5000);
  const waiting = Array.from({ length: 50 }, () => ask(held.port));
  const second = startServer(held);
  expect(new Set(await Promise.all(waiting))).toEqual(new Set([String(second.pid)]));
  held.close();
});

test("a socket taken from the living server lets its successor answer after the first holder has gone", async () => {
  const held = await bindSocket({ host: "127.0.0.1", port: 0 });
  const first = startServer(held);
  expect(await ask(held.port)).toBe(String(first.pid));
  held.close();
  const taken = await takeWhenReady();
  expect(taken.port).toBe(held.port);
  await endIdentity(first, "SIGKILL", 5000);
  const waiting = Array.from({ length: 50 }, () => ask(held.port));
  const second = startServer(taken);
  expect(new Set(await Promise.all(waiting))).toEqual(new Set([String(second.pid)]));
  taken.close();
});

test("no connection is lost while the socket is handed over again and again", async () => {
  const held = await bindSocket({ host: "127.0.0.1", port: 0 });
  const server = startServer(held);
  await takeWhenReady().then((taken) => taken.close());
  const asked: Promise<string>[] = [];
  let over = false;
  const load = (async () => {
    while (!over) {
      asked.push(ask(held.port));
      await sleep(2);
    }
  })();
  for (let round = 0; round < 5; round += 1) (await takeWhenReady()).close();
  over = true;
  await load;
  expect(asked.length).toBeGreaterThan(20);
  expect(new Set(await Promise.all(asked))).toEqual(new Set([String(server.pid)]));
  held.close();
});

test("a port that another process has is PORT_TAKEN, and a door where nobody stands gives null", async () => {
  const other = createServer();
  const port = await new Promise<number>((resolve) => {
    other.listen(0, "127.0.0.1", () => resolve((other.address() as { port: number }).port));
  });
  await expect(bindSocket({ host: "127.0.0.1", port })).rejects.toMatchObject({ code: "PORT_TAKEN" });
  other.close();
  expect(await takeSocket(join(folder, "door"))).toBeNull();
});

test("connections wait in the queue of a socket that nobody serves, as many as the system allows", async () => {
  const held = await bindSocket({ host: "127.0.0.1", port: 0 });
  const allowed = Number(readFileSync("/proc/sys/net/core/somaxconn", "utf8"));
  const sockets = Array.from({ length: Math.min(allowed, 700) }, () => connect(held.port, "127.0.0.1"));
  try {
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    expect(sockets.filter(({ destroyed }) => destroyed)).toEqual([]);
  } finally {
    for (const socket of sockets) socket.destroy();
    held.close();
  }
});
