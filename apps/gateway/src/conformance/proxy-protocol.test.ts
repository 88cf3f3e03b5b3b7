import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { newId, RouteId } from "@evenkeel/contracts/id";
import { RouteTable } from "@evenkeel/contracts/route-table";
import { readCertificate } from "@evenkeel/kit/certificate";
import { makeCertificate } from "@evenkeel/testkit/certificate";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { Bed, DRIVERS, serviceId } from "./bed.ts";
import { conforming, printTable } from "./table.ts";

const made = readCertificate({ name: "shop", ...makeCertificate({ hosts: ["shop.example.org"] }) });
const shop = {
  ...{ name: "shop", fallback: true, hosts: [...made.hosts] },
  ...{ chain: made.chain, key: made.key, endsAt: made.endsAt },
};
const LINE = "PROXY TCP4 203.0.113.7 198.51.100.1 4096 443\r\n";
const REQUEST = "GET / HTTP/1.1\r\nhost: shop.example.org\r\nconnection: close\r\n\r\n";
const bytesOf = (command: number, family: number, rest: readonly number[]): Buffer =>
  Buffer.from([...Buffer.from("\r\n\r\n\0\r\nQUIT\n"), command, family, 0, rest.length, ...rest]);
const BYTES = bytesOf(0x21, 0x11, [203, 0, 113, 7, 198, 51, 100, 1, 16, 0, 1, 187]);
const SIX = "PROXY TCP6 2001:db8::1 2001:db8::2 4096 443\r\n";

describe.each(DRIVERS)("the PROXY protocol, driver %s", (driver) => {
  const check = conforming(driver);
  let bed: Bed;
  let seen: number;

  beforeEach(async () => {
    seen = 0;
    bed = await open(["127.0.0.0/8", "2001:db8::/32"]);
  });
  afterEach(async () => await bed.close());

  async function open(proxies: readonly string[]): Promise<Bed> {
    const opened = await new Bed(driver, { proxies }).open();
    opened.certificates = [shop];
    await opened.apply([{ port: await application(opened) }]);
    return opened;
  }

  async function application(of: Bed): Promise<number> {
    return await of.application((req, res) => {
      seen += 1;
      res.end(`${req.headers["x-forwarded-for"]} ${req.headers["x-forwarded-proto"]}`);
    });
  }

  /** All that comes back when these pieces are sent one after the other. */
  async function answerTo(...pieces: (string | Buffer)[]): Promise<string> {
    const socket = bed.connect();
    socket.setNoDelay(true);
    const closed = readAll(socket);
    for (const piece of pieces) {
      socket.write(piece);
      if (pieces.length > 1) await new Promise((go) => setImmediate(go));
    }
    return await closed;
  }

  function readAll(socket: Socket): Promise<string> {
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      socket.on("data", (chunk: Buffer) => chunks.push(chunk));
      socket.on("error", () => undefined);
      socket.on("close", () => resolve(Buffer.concat(chunks).toString()));
    });
  }

  check("the address that a trusted proxy tells is the client's, in both versions", async () => {
    expect(await answerTo(LINE + REQUEST)).toContain("203.0.113.7 http");
    expect(await answerTo(SIX + REQUEST)).toContain("2001:db8::1 http");
    expect(await answerTo(Buffer.concat([BYTES, Buffer.from(REQUEST)]))).toContain("203.0.113.7 http");
  });

  check("a header that comes in pieces is put together", async () => {
    expect(await answerTo(...LINE, REQUEST)).toContain("203.0.113.7 http");
    expect(await answerTo(BYTES.subarray(0, 5), BYTES.subarray(5), REQUEST)).toContain("203.0.113.7 http");
  });

  check("what follows the header is not lost, in the same packet and in others", async () => {
    expect(await answerTo(LINE, REQUEST)).toContain("203.0.113.7 http");
    expect(await answerTo(BYTES, REQUEST)).toContain("203.0.113.7 http");
    expect(await answerTo(`${LINE}GET / HT`, "TP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).toContain(
      "203.0.113.7",
    );
  });

  check("a proxy that speaks for itself, or of nobody known, is the client itself", async () => {
    expect(await answerTo(`PROXY UNKNOWN\r\n${REQUEST}`)).toContain("127.0.0.1 http");
    expect(await answerTo(Buffer.concat([bytesOf(0x20, 0, []), Buffer.from(REQUEST)]))).toContain("127.0.0.1 http");
  });

  check("kept connections stay those of the client, with each of their requests", async () => {
    const kept = "GET / HTTP/1.1\r\nhost: shop.example.org\r\n\r\n";
    const answer = await answerTo(LINE, kept, kept, REQUEST);
    expect(answer.match(/203\.0\.113\.7 http/g)).toHaveLength(3);
  });

  check(
    "a connection of a trusted proxy without a header, or with a wrong one, is closed and reaches nobody",
    async () => {
      for (const start of ["", "PROXY TCP4 nobody knows 1 2\r\n", "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n"]) {
        expect(await answerTo(start + REQUEST)).toBe("");
      }
      expect(await answerTo(Buffer.concat([bytesOf(0x3f, 0x11, []), Buffer.from(REQUEST)]))).toBe("");
      expect(seen).toBe(0);
    },
  );

  check("a header whose numbers are no address and no port is a wrong one", async () => {
    for (const told of ["1.2.3.400 1.2.3.4 1 2", "1.2.3.4 1.2.3.4 70000 2"])
      expect(await answerTo(`PROXY TCP4 ${told}\r\n${REQUEST}`)).toBe("");
    expect(seen).toBe(0);
  });

  check("a proxy that speaks for somebody who did not come by TCP is the client itself", async () => {
    const udp = bytesOf(0x21, 0x12, [203, 0, 113, 7, 198, 51, 100, 1, 16, 0, 1, 187]);
    const unix = bytesOf(
      0x21,
      0x31,
      Array.from({ length: 216 }, () => 0),
    );
    for (const header of [udp, unix])
      expect(await answerTo(Buffer.concat([header, Buffer.from(REQUEST)]))).toContain("127.0.0.1 http");
  });

  check("of all others a header is not believed, and without one they are served as ever", async () => {
    const other = await open(["10.0.0.0/8"]);
    try {
      expect((await other.ask()).body).toBe("127.0.0.1 http");
      seen = 0;
      expect(await other.raw(LINE + REQUEST)).toMatch(/^HTTP\/1\.1 400 /);
      expect(seen).toBe(0);
    } finally {
      await other.close();
    }
  });

  check("over TLS it stands in front of the handshake, for HTTP/1.1 and HTTP/2", async () => {
    const at = { rejectUnauthorized: false, servername: "shop.example.org" };
    const opened = async (...alpn: string[]): Promise<Socket> => {
      const { connect } = await import("node:net");
      const socket = connect({ host: "127.0.0.1", port: bed.tlsPort });
      await once(socket, "connect");
      socket.write(BYTES);
      const secure = connectTls({ ...at, socket, ALPNProtocols: alpn });
      await once(secure, "secureConnect");
      return secure;
    };
    const plain = await opened("http/1.1");
    const answer = readAll(plain);
    plain.write(REQUEST);
    expect(await answer).toContain("203.0.113.7 https");
    const socket = await opened("h2");
    const session = connectHttp2("https://shop.example.org", { createConnection: () => socket });
    const stream = session.request({ ":path": "/" });
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toBe("203.0.113.7 https");
    session.destroy();
  });

  check("rules see the client that was told", async () => {
    const port = await application(bed);
    const table = bed.table([{ port }]);
    const source = { field: "source", name: "", not: false, test: { kind: "network", networks: ["203.0.113.0/24"] } };
    const fault = { abort: { percent: 100, status: 418 } };
    const rule = {
      name: "told",
      conditions: [source],
      send: null,
      mirror: null,
      fault,
      rateLimit: null,
      concurrency: null,
    };
    const services = table.services.map((service) => ({ ...service, rules: [rule] }));
    const routes = [{ routeId: newId(RouteId, "rte"), host: "*", path: "/", serviceId }];
    await bed.plane.apply(RouteTable.parse({ ...table, routes, services }));
    expect(await answerTo(LINE + REQUEST)).toMatch(/^HTTP\/1\.1 418 /);
    expect(await answerTo(`PROXY UNKNOWN\r\n${REQUEST}`)).toContain("127.0.0.1");
  });
});

printTable("PROXY protocol");
