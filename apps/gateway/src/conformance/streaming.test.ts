import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { Bed, DRIVERS, until } from "./bed.ts";
import { conforming, printTable } from "./table.ts";

printTable("streaming");

describe.each(DRIVERS)("%s", (driver) => {
  const check = conforming(driver);
  let bed: Bed;

  beforeEach(async () => {
    bed = new Bed(driver);
    await bed.open();
  });

  afterEach(async () => await bed.close());

  const MEGABYTE = 1024 * 1024;
  const CHUNK = Buffer.alloc(64 * 1024, 7);

  /** Bytes after which nothing more was taken for a while: what the buffers on the way hold. */
  async function standstill(bytes: () => number): Promise<number> {
    for (let before = -1; before !== bytes(); ) {
      before = bytes();
      await sleep(300);
    }
    return bytes();
  }

  describe("bodies", () => {
    check("a large answer waits for a slow client: little of it is held in between", async () => {
      const total = 200 * MEGABYTE;
      let written = 0;
      const port = await bed.application(async (_, res) => {
        res.writeHead(200, { "content-length": total });
        while (written < total && !res.destroyed) {
          written += CHUNK.length;
          if (!res.write(CHUNK)) await once(res, "drain");
        }
        res.end();
      });
      await bed.apply([{ port }]);
      const socket = bed.connect();
      socket.pause();
      socket.write("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
      await until(() => written > 0);
      // The kernel's buffers of four sockets take some megabytes; the gateway itself must not take the rest.
      expect(await standstill(() => written)).toBeLessThan(40 * MEGABYTE);
      let received = 0;
      socket.on("data", (bytes) => {
        received += bytes.length;
      });
      socket.resume();
      await once(socket, "close");
      expect(received).toBeGreaterThan(total);
      expect(written).toBe(total);
    });

    check("a large upload waits for a slow application, and arrives whole", async () => {
      const total = 100 * MEGABYTE;
      const hash = createHash("sha256");
      let begin: () => void = () => undefined;
      let received = 0;
      const port = await bed.application((req, res) => {
        req.pause();
        begin = () => {
          req.on("data", (chunk: Buffer) => {
            received += chunk.length;
            hash.update(chunk);
          });
          req.on("end", () => res.end(hash.digest("hex"))).resume();
        };
      });
      await bed.apply([{ port }]);
      const sent = createHash("sha256");
      let written = 0;
      const call = request({ host: "127.0.0.1", port: bed.port, method: "POST", agent: false });
      const answer = once(call, "response");
      const upload = async (): Promise<void> => {
        while (written < total) {
          written += CHUNK.length;
          sent.update(CHUNK);
          if (!call.write(CHUNK)) await once(call, "drain");
        }
        call.end();
      };
      const uploaded = upload();
      expect(await standstill(() => written)).toBeLessThan(40 * MEGABYTE);
      begin();
      await uploaded;
      const [response] = await answer;
      const [digest] = await once(response.setEncoding("utf8"), "data");
      expect(received).toBe(total);
      expect(digest).toBe(sent.digest("hex"));
    });

    check("what the application sends arrives at once, and so does what the client sends", async () => {
      const port = await bed.application((req, res) => {
        res.writeHead(200, { "content-type": "text/event-stream" });
        req.on("data", (chunk) => res.write(`event of ${chunk}\n\n`));
        req.on("end", () => res.end());
      });
      await bed.apply([{ port }]);
      const call = request({ host: "127.0.0.1", port: bed.port, method: "POST", agent: false });
      call.write("one");
      const [response] = await once(call, "response");
      response.setEncoding("utf8");
      expect(await once(response, "data")).toEqual(["event of one\n\n"]);
      call.write("two");
      expect(await once(response, "data")).toEqual(["event of two\n\n"]);
      call.end();
      await once(response, "end");
    });

    check("an answer before the end of the upload reaches the client, whose connection stays of use", async () => {
      const port = await bed.application((req, res) => {
        if (req.method === "GET") res.end("next");
        // So much later that all buffers on the way to it are full.
        else setTimeout(() => res.writeHead(413, { "content-length": 9 }).end("too large"), 500);
      });
      await bed.apply([{ port }]);
      const total = 40 * MEGABYTE;
      const socket = bed.connect();
      socket.setEncoding("utf8");
      socket.write(`POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${total}\r\n\r\n`);
      for (let written = 0; written < total; written += CHUNK.length) socket.write(CHUNK);
      const [early] = await once(socket, "data");
      expect(early).toMatch(/^HTTP\/1\.1 413 .*too large$/s);
      socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
      const [next] = await once(socket, "data");
      expect(next).toMatch(/^HTTP\/1\.1 200 .*next/s);
    });

    check("a client that stops in the middle of an upload ends the request at the application", async () => {
      let aborted = false;
      const port = await bed.application((req) => {
        req.on("data", () => undefined).on("error", () => undefined);
        req.on("close", () => {
          aborted = !req.complete;
        });
      });
      await bed.apply([{ port }]);
      const socket = bed.connect();
      socket.write(`POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${MEGABYTE}\r\n\r\n`);
      socket.write(CHUNK);
      await bed.inFlight(1);
      await sleep(50);
      socket.destroy();
      await until(() => aborted);
      expect(await bed.statistics(port)).toMatchObject({ clientAborts: 1, cut: 0 });
    });

    check("a client that sends a small body slowly holds no instance meanwhile", async () => {
      const port = await bed.application((req, res) => void req.pipe(res));
      await bed.apply([{ port }]);
      const socket = bed.connect();
      socket.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\nconnection: close\r\n\r\nab");
      await sleep(100);
      await bed.apply([{ port, draining: true }]);
      expect(bed.plane.draining()[0]?.inFlight).toBe(0);
      await bed.apply([{ port }]);
      socket.write("cd");
      const [reply] = await once(socket, "data");
      expect(String(reply)).toMatch(/^HTTP\/1\.1 200 .*abcd/s);
    });
  });

  /** An application with a WebSocket that sends everything back; its port. */
  async function echoing(): Promise<number> {
    const sockets = new WebSocketServer({ noServer: true });
    const server = createServer((_, res) => res.end("plain"));
    server.on("upgrade", (req, socket, head) => {
      if (req.url === "/refused") {
        socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 6\r\nconnection: close\r\n\r\nnot me");
        return;
      }
      sockets.handleUpgrade(req, socket as Socket, head, (webSocket) => {
        webSocket.on("message", (data, binary) => webSocket.send(data, { binary }));
      });
    });
    return await bed.applicationServer(server);
  }

  describe("upgraded connections", () => {
    check("carry messages both ways, are counted apart, and are no reason to wait at a drain", async () => {
      const port = await echoing();
      await bed.apply([{ port }]);
      const webSocket = new WebSocket(`ws://127.0.0.1:${bed.port}/chat`);
      await once(webSocket, "open");
      for (const text of ["hello", "x".repeat(300_000)]) {
        webSocket.send(text);
        const [data] = await once(webSocket, "message");
        expect(String(data)).toBe(text);
      }
      expect(await bed.statistics(port)).toMatchObject({ inFlight: 0, longLived: 1, connections: 1, requests: 1 });
      await bed.apply([{ port, draining: true }]);
      expect(bed.plane.draining()).toEqual([{ instance: bed.key(port), inFlight: 0, longLived: 1 }]);
      webSocket.send("still");
      expect(String((await once(webSocket, "message"))[0])).toBe("still");
      bed.plane.cut(bed.key(port));
      await once(webSocket, "close");
      await until(() => bed.plane.draining()[0]?.longLived === 0);
    });

    check("a message behind the request, before the answer, is not lost", async () => {
      const port = await bed.peer((socket) => {
        let received = "";
        socket.on("data", (bytes) => {
          const first = received === "";
          received += bytes;
          if (first)
            socket.write(
              "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: raw\r\nx-own: 1\r\n\r\nmine ",
            );
          if (received.endsWith("early")) socket.end("got early");
        });
      });
      await bed.apply([{ port }]);
      const reply = await bed.raw("GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: raw\r\n\r\nearly");
      expect(reply).toMatch(/^HTTP\/1\.1 101 .*upgrade: raw\r\nx-own: 1\r\n\r\nmine got early$/s);
    });

    check("a refusal of the application reaches the client, whose connection then ends", async () => {
      const port = await echoing();
      await bed.apply([{ port }]);
      const webSocket = new WebSocket(`ws://127.0.0.1:${bed.port}/refused`);
      const [error] = await once(webSocket, "error");
      expect(error.message).toBe("Unexpected server response: 403");
      await bed.apply([]);
      const again = new WebSocket(`ws://127.0.0.1:${bed.port}/chat`);
      const [unavailable] = await once(again, "error");
      expect(unavailable.message).toBe("Unexpected server response: 503");
    });

    check("an offer of HTTP/2 is not taken, and the request is served", async () => {
      const port = await echoing();
      await bed.apply([{ port }]);
      const headers = { connection: "upgrade, http2-settings", upgrade: "h2c", "http2-settings": "AAMAAABkAAQAAP__" };
      expect((await bed.ask({ headers })).body).toBe("plain");
    });

    check("end with the gateway at once, while a request under way is still answered", async () => {
      const port = await echoing();
      const answer = Promise.withResolvers<void>();
      const slow = await bed.application((_, res) => void answer.promise.then(() => res.end("whole")));
      await bed.apply([{ port }]);
      const webSocket = new WebSocket(`ws://127.0.0.1:${bed.port}/chat`);
      await once(webSocket, "open");
      await bed.apply([{ port: slow }]);
      const asked = bed.ask();
      await until(async () => (await bed.statistics(slow))?.inFlight === 1);
      const closed = bed.plane.close(new AbortController().signal);
      await once(webSocket, "close");
      answer.resolve();
      expect((await asked).body).toBe("whole");
      await closed;
    });

    check("an application that goes takes its upgraded connections with it", async () => {
      const port = await bed.peer((socket) => {
        socket.once("data", () => {
          socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: raw\r\n\r\n");
          setTimeout(() => socket.resetAndDestroy(), 50);
        });
      });
      await bed.apply([{ port }]);
      await bed.raw("GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: raw\r\n\r\n");
      await until(async () => (await bed.statistics(port)) === undefined);
    });
  });
});
