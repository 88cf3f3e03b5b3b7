import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { Agent, type RequestOptions, request } from "node:https";
import { connect } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { TableCertificate } from "@evenkeel/contracts/route-table";
import { readCertificate } from "@evenkeel/kit/certificate";
import { makeCertificate } from "@evenkeel/testkit/certificate";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { Bed, DRIVERS } from "./bed.ts";
import { conforming, printTable } from "./table.ts";

function certificate(name: string, hosts: readonly string[], fallback = false): TableCertificate {
  const made = readCertificate({ name, ...makeCertificate({ hosts }) });
  return { name, fallback, hosts: [...made.hosts], chain: made.chain, key: made.key, endsAt: made.endsAt };
}

const shop = certificate("shop", ["shop.example.org"]);
const renewed = certificate("shop", ["shop.example.org"]);
const wide = certificate("wide", ["*.example.org", "shop.example.org"]);
const fallback = certificate("fallback", ["other.example.com"], true);

const fingerprintOf = ({ chain }: TableCertificate): string => new X509Certificate(chain).fingerprint256;

describe.each(DRIVERS)("TLS at the edge, driver %s", (driver) => {
  const check = conforming(driver);
  let bed: Bed;
  let agents: Agent[];

  beforeEach(async () => {
    bed = await new Bed(driver).open();
    agents = [];
  });
  afterEach(async () => {
    for (const agent of agents) agent.destroy();
    await bed.close();
  });

  async function serve(...certificates: TableCertificate[]): Promise<number> {
    const port = await bed.application((req, res) => {
      const chunks: Buffer[] = [];
      req.on("data", (chunk: Buffer) => chunks.push(chunk));
      req.on("end", () => res.end(JSON.stringify({ ...req.headers, body: Buffer.concat(chunks).toString() })));
    });
    await show(port, ...certificates);
    return port;
  }

  async function show(port: number, ...certificates: TableCertificate[]): Promise<void> {
    bed.certificates = certificates;
    await bed.apply([{ port }]);
  }

  function keeping(): Agent {
    const agent = new Agent({ keepAlive: true, maxSockets: 1, maxCachedSessions: 0 });
    agents.push(agent);
    return agent;
  }

  function ask(servername: string, more: RequestOptions & { body?: string } = {}): Promise<Record<string, string>> {
    const { body, ...options } = more;
    return new Promise((resolve, reject) => {
      const at = { host: "127.0.0.1", port: bed.tlsPort, servername, rejectUnauthorized: false, agent: false as const };
      const call = request({ ...at, ...options }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => resolve(JSON.parse(Buffer.concat(chunks).toString())));
      });
      call.on("error", reject);
      call.end(body);
    });
  }

  /** What is shown to a client that asks for this host; the empty name asks for none. */
  function shownTo(servername: string, more: object = {}): Promise<string> {
    return new Promise((resolve) => {
      const at = { host: "127.0.0.1", port: bed.tlsPort, servername, rejectUnauthorized: false, ...more };
      const socket: TLSSocket = connectTls(at, () => {
        resolve(socket.getPeerCertificate().fingerprint256 ?? "nothing");
        socket.destroy();
      });
      socket.on("error", (error: NodeJS.ErrnoException) => resolve(`<${error.code}>`));
    });
  }

  check("the certificate of the whole name comes before a wildcard's, and that before the default", async () => {
    await serve(fallback, wide, shop);
    expect(await shownTo("two.example.org")).toBe(fingerprintOf(wide));
    expect(await shownTo("TWO.example.org")).toBe(fingerprintOf(wide));
    expect(await shownTo("a.two.example.org")).toBe(fingerprintOf(fallback));
    expect(await shownTo("other.example.com")).toBe(fingerprintOf(fallback));
    expect(await shownTo("nobody.example.com")).toBe(fingerprintOf(fallback));
    expect(await shownTo("")).toBe(fingerprintOf(fallback));
    await serve(fallback, { ...wide, hosts: ["*.example.org"] }, shop);
    expect(await shownTo("shop.example.org")).toBe(fingerprintOf(shop));
  });

  check("of two certificates for one host the one that lasts longer is shown", async () => {
    const short = { ...renewed, name: "short", endsAt: "2030-01-01T00:00:00.000Z" };
    await serve(short, shop);
    expect(await shownTo("shop.example.org")).toBe(fingerprintOf(shop));
    await serve(shop, short);
    expect(await shownTo("shop.example.org")).toBe(fingerprintOf(shop));
  });

  check("without a default nobody is let in who asks for a host without a certificate", async () => {
    const port = await serve();
    expect(await shownTo("shop.example.org")).toMatch(/^<ERR_SSL|^<ECONNRESET/);
    await show(port, shop);
    expect(await shownTo("shop.example.org")).toBe(fingerprintOf(shop));
    expect(await shownTo("other.example.org")).toMatch(/^<ERR_SSL|^<ECONNRESET/);
    expect(await shownTo("")).toMatch(/^<ERR_SSL|^<ECONNRESET/);
  });

  check("TLS 1.1 and older are refused", async () => {
    await serve(shop);
    const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" };
    expect(await shownTo("shop.example.org", old)).toMatch(/^<ERR_SSL|^<ECONNRESET/);
    expect(await shownTo("shop.example.org", { maxVersion: "TLSv1.2" })).toBe(fingerprintOf(shop));
  });

  check("a request that came by TLS says so to the application, whatever the client says", async () => {
    await serve(shop);
    const headers = { host: "shop.example.org", "x-forwarded-proto": "http", forwarded: "proto=http" };
    const received = await ask("shop.example.org", { headers });
    expect(received).toMatchObject({
      host: "shop.example.org",
      "x-forwarded-proto": "https",
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-host": "shop.example.org",
    });
    expect(received).not.toHaveProperty("forwarded");
    expect(JSON.parse((await bed.ask()).body)).toMatchObject({ "x-forwarded-proto": "http" });
  });

  check("large bodies pass both ways", async () => {
    const port = await bed.application((req, res) => {
      const hash = createHash("sha256");
      req.on("data", (chunk: Buffer) => hash.update(chunk));
      req.on("end", () => res.end(JSON.stringify({ digest: hash.digest("hex"), filler: "y".repeat(4_000_000) })));
    });
    await show(port, shop);
    const body = "x".repeat(8_000_000);
    const { digest, filler } = await ask("shop.example.org", { method: "POST", body });
    expect(digest).toBe(createHash("sha256").update(body).digest("hex"));
    expect(filler).toHaveLength(4_000_000);
  });

  check("an upgraded connection passes bytes both ways", async () => {
    const port = await bed.peer((socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n");
        socket.on("data", (chunk) => socket.write(chunk));
      });
    });
    await show(port, shop);
    const socket = connectTls({
      host: "127.0.0.1",
      port: bed.tlsPort,
      rejectUnauthorized: false,
      servername: "shop.example.org",
    });
    socket.write("GET / HTTP/1.1\r\nhost: shop.example.org\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n");
    const [head] = await once(socket, "data");
    expect(String(head)).toMatch(/^HTTP\/1\.1 101 /);
    socket.write("there and back");
    const [echo] = await once(socket, "data");
    expect(String(echo)).toBe("there and back");
    socket.destroy();
  });

  check("another certificate is shown to new connections, while kept ones go on", async () => {
    const port = await serve(shop);
    const agent = keeping();
    await ask("shop.example.org", { agent });
    const ports = (): number[] =>
      Object.values(agent.freeSockets).flatMap((list) => (list ?? []).map(({ localPort }) => localPort ?? 0));
    const before = ports();
    await show(port, renewed);
    expect(await shownTo("shop.example.org")).toBe(fingerprintOf(renewed));
    expect(await ask("shop.example.org", { agent, method: "POST", body: "kept" })).toMatchObject({ body: "kept" });
    expect(before).toHaveLength(1);
    if (driver === "node") expect(ports()).toEqual(before);
  });

  check("no request is lost while certificates come and go", async () => {
    const port = await serve(shop);
    let stopped = false;
    let served = 0;
    const visitor = async (agent: Agent | false): Promise<void> => {
      while (!stopped) {
        expect(await ask("shop.example.org", { agent, method: "POST", body: "x" })).toMatchObject({ body: "x" });
        served += 1;
      }
    };
    const visitors = [visitor(keeping()), visitor(keeping()), visitor(false)];
    for (let round = 0; round < 6; round += 1) {
      const before = served;
      await show(port, round % 2 === 0 ? renewed : shop, ...(round % 3 === 0 ? [fallback] : []));
      while (served < before + 10) await Promise.race([...visitors, new Promise((go) => setTimeout(go, 5))]);
    }
    stopped = true;
    await Promise.all(visitors);
    expect(served).toBeGreaterThan(60);
  });

  check("who does not speak TLS, or falls silent in the handshake, disturbs nobody", async () => {
    await serve(shop);
    const silent = connect({ host: "127.0.0.1", port: bed.tlsPort });
    await once(silent, "connect");
    const plain = connect({ host: "127.0.0.1", port: bed.tlsPort });
    const ended = once(plain, "close");
    plain.on("error", () => undefined).resume();
    plain.write("GET / HTTP/1.1\r\nhost: shop.example.org\r\n\r\n");
    await ended;
    expect(await shownTo("shop.example.org")).toBe(fingerprintOf(shop));
    silent.destroy();
  });
});

printTable("TLS");
