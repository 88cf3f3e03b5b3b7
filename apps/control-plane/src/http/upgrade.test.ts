import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { type HeldUpgrades, holdUpgrades } from "./upgrade.ts";

let server: ReturnType<typeof createServer>;
let held: HeldUpgrades;
let url: string;

beforeEach(async () => {
  server = createServer();
  held = holdUpgrades(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => void server.close());

/** Comes back once the server has seen the request. */
async function ask(path: string): Promise<{ socket: WebSocket; ended: Promise<string> }> {
  const seen = once(server, "upgrade");
  const socket = new WebSocket(`${url}${path}`);
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  socket.once("open", () => resolve("open"));
  socket.once("error", ({ message }) => resolve(message));
  await seen;
  return { socket, ended };
}

test("a link that is asked for while the server starts is opened once it serves; another address is refused then", async () => {
  const [one, other, stranger] = [await ask("/link"), await ask("/link"), await ask("/elsewhere")];
  const links = new WebSocketServer({ noServer: true });
  const opened: string[] = [];
  held.serve({
    "/link": (request, socket, head) =>
      links.handleUpgrade(request, socket, head, (link) => {
        opened.push(request.url ?? "");
        link.send("welcome");
      }),
  });
  expect(await Promise.all([one.ended, other.ended, stranger.ended])).toEqual([
    "open",
    "open",
    "Unexpected server response: 404",
  ]);
  expect(opened).toEqual(["/link", "/link"]);
  const late = await ask("/link");
  expect(await late.ended).toBe("open");
  for (const { socket } of [one, other, late]) socket.terminate();
});

test("a start that comes to nothing lets them go", async () => {
  const { ended } = await ask("/link");
  held.drop();
  expect(await ended).toBe("socket hang up");
});
