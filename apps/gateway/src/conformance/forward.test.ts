import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { Bed, DRIVERS, until } from "./bed.ts";
import { conforming, printTable } from "./table.ts";

printTable("forward");

describe.each(DRIVERS)("%s", (driver) => {
  const check = conforming(driver);
  let bed: Bed;

  beforeEach(async () => {
    bed = new Bed(driver);
    await bed.open();
  });

  afterEach(async () => await bed.close());

  /** The headers that reached the application, in the order they came. */
  async function headersFor(headers: Record<string, string>): Promise<Record<string, string>> {
    const port = await bed.application((req, res) => res.end(JSON.stringify(req.headers)));
    await bed.apply([{ port }]);
    const { body } = await bed.ask({ headers });
    return JSON.parse(body);
  }

  describe("headers", () => {
    check("those of one hop are not passed on, in either direction", async () => {
      const port = await bed.application((req, res) => {
        res.writeHead(200, {
          connection: "x-gone, close",
          "x-gone": "1",
          "proxy-connection": "keep-alive",
          "x-kept": "1",
        });
        res.end(JSON.stringify(req.headers));
      });
      await bed.apply([{ port }]);
      const { headers, body } = await bed.ask({
        headers: {
          connection: "x-hop, keep-alive",
          "x-hop": "1",
          te: "gzip",
          "proxy-authorization": "secret",
          "x-own": "1",
        },
      });
      const received = JSON.parse(body);
      for (const name of ["x-hop", "te", "proxy-authorization"]) expect(received).not.toHaveProperty(name);
      expect(received).toMatchObject({ "x-own": "1" });
      expect(received.connection ?? "").not.toContain("x-hop");
      expect(headers["x-kept"]).toBe("1");
      expect(headers).not.toHaveProperty("x-gone");
      expect(headers).not.toHaveProperty("proxy-connection");
    });

    check("a person's session of the platform does not reach the application; its own cookies do", async () => {
      const session = "evenkeel_session=ekt_secret";
      const { cookie = "" } = await headersFor({ cookie: `a=1; ${session}; b=2` });
      expect(cookie.split(";").map((pair) => pair.trim())).toEqual(["a=1", "b=2"]);
      expect(await headersFor({ cookie: session })).not.toHaveProperty("cookie");
      expect((await headersFor({ cookie: "my_evenkeel_session=1; c=3" })).cookie).toBe("my_evenkeel_session=1; c=3");
      expect((await headersFor({ cookie: `${session}; a=1; ${session};${session}; b=2` })).cookie).toBe("a=1; b=2");
    });

    check("a client cannot take away the length of its body by naming it in Connection", async () => {
      const port = await bed.application((req, res) => void req.pipe(res));
      await bed.apply([{ port }]);
      const headers = { connection: "content-length, host", "content-length": "3" };
      expect((await bed.ask({ method: "POST", headers, body: "abc" })).body).toBe("abc");
    });

    check("where the request came from is told by the gateway, not by the client", async () => {
      const forged = {
        "x-forwarded-for": "8.8.8.8",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "bank",
        forwarded: "for=8.8.8.8",
      };
      const received = await headersFor({ ...forged, "x-real-ip": "8.8.8.8", host: "shop.example.org" });
      expect(received).toMatchObject({
        host: "shop.example.org",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "http",
        "x-forwarded-host": "shop.example.org",
      });
      expect(received).not.toHaveProperty("forwarded");
      expect(received).not.toHaveProperty("x-real-ip");
    });

    check("behind a proxy that is trusted, what it tells is passed on", async () => {
      const trusting = await new Bed(driver, { trustForwarded: true }).open();
      try {
        const port = await trusting.application((req, res) => res.end(JSON.stringify(req.headers)));
        await trusting.apply([{ port }]);
        const headers = { "x-forwarded-for": "8.8.8.8", "x-forwarded-proto": "https", "x-forwarded-host": "bank" };
        expect(JSON.parse((await trusting.ask({ headers })).body)).toMatchObject({
          ...headers,
          "x-forwarded-for": "8.8.8.8, 127.0.0.1",
        });
      } finally {
        await trusting.close();
      }
    });

    check("request id and trace are passed on when they are well formed, and begun when they are not", async () => {
      const trace = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", tracestate: "a=1" };
      expect(await headersFor({ "x-request-id": "id-1", ...trace })).toMatchObject({
        "x-request-id": "id-1",
        ...trace,
      });
      const begun = await headersFor({ "x-request-id": "no spaces", traceparent: "00-zz-1-00", tracestate: "a=1" });
      expect(begun["x-request-id"]).toMatch(/^[0-9a-f]{32}$/);
      expect(begun.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      expect(begun).not.toHaveProperty("tracestate");
      expect((await headersFor({})).traceparent).not.toBe(begun.traceparent);
    });

    check("what is not passed on is not passed on when it is the only such header of a request", async () => {
      const port = await bed.application((req, res) => res.end(JSON.stringify(req.headers)));
      await bed.apply([{ port }]);
      const ask = async (headers: Record<string, string>) => JSON.parse((await bed.ask({ headers })).body);
      const plain = await ask({ "x-own": "1" });
      expect(plain).toMatchObject({ "x-own": "1" });
      expect(plain["x-request-id"]).toMatch(/^[0-9a-f]{32}$/);
      expect(plain.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      for (const name of ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"]) {
        expect((await ask({ [name]: "bank" }))[name]).toBe(plain[name]);
      }
      const gone = {
        ...{ "keep-alive": "timeout=5", "proxy-connection": "close", "proxy-authorization": "secret" },
        ...{ "http2-settings": "AAMAAABkAAQAAP__", te: "gzip", forwarded: "for=8.8.8.8", "x-real-ip": "8.8.8.8" },
        ...{ tracestate: "a=1", baggage: "lane=gray", cookie: "evenkeel_session=ekt_secret", "X-Forwarded-Port": "1" },
      };
      for (const [name, value] of Object.entries(gone)) {
        expect(await ask({ "x-own": "1", [name]: value })).not.toHaveProperty(name.toLowerCase());
      }
    });

    check("cookies and other headers that come twice arrive twice, in both directions", async () => {
      const port = await bed.application((req, res) => {
        res.setHeader("set-cookie", ["a=1", "b=2"]);
        res.end(JSON.stringify(req.headersDistinct["x-twice"]));
      });
      await bed.apply([{ port }]);
      const reply = await bed.raw("GET / HTTP/1.1\r\nhost: x\r\nx-twice: 1\r\nx-twice: 2\r\nconnection: close\r\n\r\n");
      expect(reply).toContain('["1","2"]');
      expect(reply.match(/set-cookie: /g)).toHaveLength(2);
    });

    check("too many or too large headers are refused with 431", async () => {
      const port = await bed.application((_, res) => res.end());
      await bed.apply([{ port }]);
      const many = Array.from({ length: 200 }, (_, index) => `x-${index}: 1\r\n`).join("");
      expect(await bed.raw(`GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${many}\r\n`)).toMatch(
        /^HTTP\/1.1 431 .*HEADERS_TOO_LARGE/s,
      );
      const large = `x-large: ${"y".repeat(40_000)}\r\n`;
      expect(await bed.raw(`GET / HTTP/1.1\r\nhost: x\r\n${large}\r\n`)).toMatch(/^HTTP\/1.1 431 .*HEADERS_TOO_LARGE/s);
    });
  });

  describe("what smuggles a second request", () => {
    const cases: Record<string, string> = {
      "both length and chunks":
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nhost: x\r\n\r\n",
      "two lengths": "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcde",
      "a length that is no number": "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: +4\r\n\r\nabcd",
      "an unknown transfer encoding": "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
      "a blank before the colon": "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n",
      "a folded header": "GET / HTTP/1.1\r\nhost: x\r\nx-a: 1\r\n continued: 2\r\n\r\n",
      "a chunk size that is no number":
        "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0x4\r\nabcd\r\n0\r\n\r\n",
      "two hosts": "GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n",
      "no host": "GET / HTTP/1.1\r\n\r\n",
      "a host that is no name": "GET / HTTP/1.1\r\nhost: x y\r\n\r\n",
      "a list of hosts": "GET / HTTP/1.1\r\nhost: x,y\r\n\r\n",
      "hosts in an old request": "GET / HTTP/1.0\r\nhost: x\r\nhost: y\r\n\r\n",
      "a target without a path": "OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n",
      "a tunnel": "CONNECT x:443 HTTP/1.1\r\nhost: x:443\r\n\r\n",
      "a header with a control character": "GET / HTTP/1.1\r\nhost: x\r\nx-a: 1\0\r\n\r\n",
      "a bare carriage return": "GET / HTTP/1.1\r\nhost: x\r\nx-a: 1\rx-b: 2\r\n\r\n",
    };

    for (const [name, text] of Object.entries(cases)) {
      check(`${name}: is refused, and nothing reaches the application`, async () => {
        const seen: string[] = [];
        const port = await bed.application((req, res) => {
          seen.push(req.url ?? "");
          req.resume().on("end", () => res.end("served"));
        });
        await bed.apply([{ port }]);
        const reply = await bed.raw(text);
        expect(reply).toMatch(/^HTTP\/1\.1 400 /);
        expect(reply).not.toContain("served");
        expect(seen).not.toContain("/evil");
      });
    }
  });

  describe("forms of requests", () => {
    check("HEAD has the head of GET and no body", async () => {
      const port = await bed.application((_, res) => res.setHeader("content-length", 5).end("hello"));
      await bed.apply([{ port }]);
      const { status, headers, body } = await bed.ask({ method: "HEAD" });
      expect({ status, length: headers["content-length"], body }).toEqual({ status: 200, length: "5", body: "" });
    });

    check("a client of HTTP/1.0 gets an answer without chunks, ended by the end of the connection", async () => {
      const port = await bed.application((_, res) => {
        res.write("hel");
        setTimeout(() => res.end("lo"), 20);
      });
      await bed.apply([{ port }]);
      const reply = await bed.raw("GET / HTTP/1.0\r\nhost: x\r\n\r\n");
      expect(reply).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(reply).not.toContain("transfer-encoding");
      expect(reply.endsWith("\r\n\r\nhello")).toBe(true);
    });

    check("an answer of an application that knows only HTTP/1.0 arrives whole", async () => {
      const port = await bed.peer((socket) =>
        socket.once("data", () => socket.end("HTTP/1.0 200 OK\r\n\r\nold but whole")),
      );
      await bed.apply([{ port }]);
      expect((await bed.ask()).body).toBe("old but whole");
    });

    check("the address form of a target counts, not the Host header", async () => {
      const port = await bed.application((req, res) => res.end(`${req.headers.host} ${req.url}`));
      await bed.apply([{ port }]);
      const reply = await bed.raw(
        "GET http://real.example.org/a?b HTTP/1.1\r\nhost: forged\r\nconnection: close\r\n\r\n",
      );
      expect(reply).toContain("real.example.org /a?b");
    });

    check("of an address without a path the root is meant", async () => {
      const port = await bed.application((req, res) => res.end(`${req.headers.host} ${req.url}.`));
      await bed.apply([{ port }]);
      for (const address of ["http://x", "HTTP://x/"]) {
        const reply = await bed.raw(`GET ${address} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
        expect(reply).toContain("x /.");
      }
    });

    check("a body that is encoded beside its chunks is refused: its encoding would get lost", async () => {
      const port = await bed.application((_, res) => res.end("served"));
      await bed.apply([{ port }]);
      const reply = await bed.raw("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n");
      expect(reply).toMatch(/^HTTP\/1\.1 4(00|22) /);
      expect(reply).not.toContain("served");
    });

    check("several requests on one connection, sent before the answers, are answered in order", async () => {
      const port = await bed.application(
        (req, res) => void setTimeout(() => res.end(req.url), req.url === "/1" ? 60 : 1),
      );
      await bed.apply([{ port }]);
      const one = (path: string, more = ""): string => `GET ${path} HTTP/1.1\r\nhost: x\r\n${more}\r\n`;
      const reply = await bed.raw(one("/1") + one("/2") + one("/3", "connection: close\r\n"));
      expect(reply.match(/^\/\d|(?<=\r\n\r\n)\/\d/gm)?.join("")).toBe("/1/2/3");
    });

    check("a client that waits for 100 Continue gets it when there is somebody to send the body to", async () => {
      const port = await bed.application((req, res) => void req.pipe(res));
      const expecting =
        "POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\nconnection: close\r\n\r\n";
      expect(await bed.raw(expecting)).toMatch(/^HTTP\/1\.1 404 /);
      await bed.apply([{ port }]);
      const socket = bed.connect();
      socket.write(expecting);
      const [first] = await once(socket, "data");
      expect(String(first)).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
      socket.write("ok");
      const [second] = await once(socket, "data");
      expect(String(second)).toMatch(/^HTTP\/1\.1 200 OK/);
    });

    check("trailers of an answer and early hints reach the client", async () => {
      const port = await bed.application((_, res) => {
        res.writeEarlyHints({ link: "</a.css>; rel=preload" });
        res.writeHead(200, { trailer: "x-sum" });
        res.write("body");
        res.addTrailers({ "x-sum": "4" });
        res.end();
      });
      await bed.apply([{ port }]);
      expect((await bed.ask()).trailers).toEqual({ "x-sum": "4" });
      const reply = await bed.raw("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
      expect(reply).toMatch(/^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a.css>; rel=preload/i);
    });

    /** How many connections the application saw for twenty such requests on one connection. */
    async function connectionsFor(text: string): Promise<number> {
      const ports = new Set<number | undefined>();
      const port = await bed.application((req, res) => {
        ports.add(req.socket.remotePort);
        res.end();
      });
      await bed.apply([{ port }]);
      const socket = bed.connect();
      for (let index = 0; index < 20; index += 1) {
        socket.write(text);
        await once(socket, "data");
      }
      return ports.size;
    }

    check("connections are kept on both sides", async () => {
      expect(await connectionsFor("GET / HTTP/1.1\r\nhost: x\r\n\r\n")).toBe(1);
    });

    check("a POST takes a kept connection that has just answered", async () => {
      expect(await connectionsFor("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\nx")).toBe(1);
    });
  });

  check("shares of real requests follow the weights", async () => {
    const counts = [0, 0];
    const ports = await Promise.all(
      [0, 1].map((index) =>
        bed.application((_, res) => {
          counts[index] = (counts[index] ?? 0) + 1;
          res.end();
        }),
      ),
    );
    await bed.apply([
      { port: ports[0] as number, weight: 75 },
      { port: ports[1] as number, weight: 25 },
    ]);
    for (let batch = 0; batch < 20; batch += 1) await Promise.all(Array.from({ length: 20 }, () => bed.ask()));
    expect(counts).toEqual([300, 100]);
  });

  check("an instance that a table brings in is said once to be reached or not", async () => {
    const alive = await bed.application((_, res) => res.end());
    const closed = createServer();
    const gone = await bed.applicationServer(closed);
    await new Promise((resolve) => closed.close(resolve));
    await bed.apply([{ port: alive }, { port: gone }]);
    await bed.apply([{ port: alive }, { port: gone, weight: 1 }]);
    await until(() => bed.reached.length === 2);
    await bed.apply([{ port: alive, weight: 7 }, { port: gone }]);
    expect(bed.reached).toEqual([`${alive} `, `${gone} connect ECONNREFUSED 127.0.0.1:${gone}`]);
  });

  check("an instance that is slow to listen is tried again before it is said not to be reached", async () => {
    const late = createServer();
    const port = await bed.applicationServer(late);
    await new Promise((resolve) => late.close(resolve));
    await bed.apply([{ port }]);
    await sleep(100);
    await new Promise<void>((resolve) => late.listen(port, "127.0.0.1", resolve));
    await until(() => bed.reached.length === 1);
    expect(bed.reached).toEqual([`${port} `]);
  });
});
