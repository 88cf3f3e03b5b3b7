import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { ArkletLine } from "./line.ts";

test("a base that accepts and never answers is said to be unreachable, and whoever gives up before hears that", async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const wanted = (): never => {
    throw new Error("nobody has told what it holds");
  };
  const line = new ArkletLine({ ...{ url, pid: process.pid, isOurs: () => true, wanted }, lookLimitMs: 200 });
  try {
    const refused = { failure: { problem: { code: "BASE_UNREACHABLE" } } };
    await expect(line.ask("list", {}, new AbortController().signal)).rejects.toMatchObject(refused);
    await expect(line.watch(() => undefined, new AbortController().signal)).rejects.toMatchObject(refused);
    await expect(line.ask("list", {}, AbortSignal.abort("enough"))).rejects.toBe("enough");
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});
