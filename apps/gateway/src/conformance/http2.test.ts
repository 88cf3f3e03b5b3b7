import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { readCertificate } from "@evenkeel/kit/certificate";
import { makeCertificate } from "@evenkeel/testkit/certificate";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { Bed, DRIVERS } from "./bed.ts";
import { conforming, printTable } from "./table.ts";

const HOST = "shop.example.org";
const made = readCertificate({ name: "shop", ...makeCertificate({ hosts: [HOST] }) });
const shop = {
  name: "shop",
  fallback: false,
  hosts: [...made.hosts],
  chain: made.chain,
  key: made.key,
  endsAt: made.endsAt,
};

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const readAll = async (stream: AsyncIterable<Buffer>): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
};

describe.each(DRIVERS)("HTTP/2 at the edge, driver %s", (driver) => {
  const check = conforming(driver);
  let bed: Bed;
  let session: ClientHttp2Session;

  beforeEach(async () => {
    bed = await new Bed(driver).open();
    bed.certificates = [shop];
    await bed.apply([]);
    session = connect(`https://${HOST}:${bed.tlsPort}`, {
      rejectUnauthorized: false,
      servername: HOST,
      lookup: (_host, _options, done) => done(null, [{ address: "127.0.0.1", family: 4 }] as never, 4),
    });
    session.on("error", () => undefined);
    await once(session, "connect");
  });
  afterEach(async () => {
    session.destroy();
    await bed.close();
  });

  async function serve(listener: (req: IncomingMessage, res: ServerResponse) => void): Promise<number> {
    const port = await bed.application(listener);
    await bed.apply([{ port }]);
    return port;
  }

  const call = (headers: OutgoingHttpHeaders = {}, more = { endStream: true }): ClientHttp2Stream =>
    session.request({ ":path": "/", ":authority": HOST, ...headers }, more);

  async function answerOf(stream: ClientHttp2Stream): Promise<Received> {
    let trailers: IncomingHttpHeaders = {};
    stream.on("trailers", (received) => {
      trailers = received;
    });
    const [headers] = (await once(stream, "response")) as [IncomingHttpHeaders];
    const body = await readAll(stream);
    return { headers, trailers, body };
  }

  const ask = (headers: OutgoingHttpHeaders = {}): Promise<Received> => answerOf(call(headers));

  function send(body: string | Buffer, headers: OutgoingHttpHeaders = {}): Promise<Received> {
    const stream = call({ ":method": "POST", ...headers }, { endStream: false });
    stream.end(body);
    return answerOf(stream);
  }

  const echo = (req: IncomingMessage, res: ServerResponse): void => void req.pipe(res);
  const told = async (headers: OutgoingHttpHeaders = {}): Promise<Record<string, string>> => {
    await serve((req, res) => res.end(JSON.stringify({ version: req.httpVersion, url: req.url, ...req.headers })));
    return JSON.parse(String((await ask(headers)).body));
  };

  check("the client chooses HTTP/2, the application gets HTTP/1.1 with the host and where it came from", async () => {
    expect(session.alpnProtocol).toBe("h2");
    const received = await told({ ":path": "/a?b=c" });
    expect(received).toMatchObject({
      version: "1.1",
      url: "/a?b=c",
      host: HOST,
      "x-forwarded-proto": "https",
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-host": HOST,
      "x-request-id": expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(Object.keys(received).filter((name) => name.startsWith(":"))).toEqual([]);
  });

  check("a cookie that came in pieces arrives as one, without the platform's session", async () => {
    const cookie = ["a=1", "evenkeel_session=ekt_secret", "b=2"] as unknown as string;
    const { cookie: received = "" } = await told({ cookie });
    expect(received.split(/; */)).toEqual(["a=1", "b=2"]);
  });

  check("what belongs to one hop of the answer is left out, and its cookies come apart", async () => {
    await serve((_, res) => {
      res.writeHead(200, [
        "connection",
        "keep-alive, x-hop",
        "x-hop",
        "1",
        "keep-alive",
        "timeout=9",
        "set-cookie",
        "a=1",
        "set-cookie",
        "b=2",
      ]);
      res.end("ok");
    });
    const { headers, body } = await ask();
    expect(headers).toMatchObject({ ":status": 200, "set-cookie": ["a=1", "b=2"] });
    for (const name of ["connection", "keep-alive", "x-hop", "transfer-encoding"])
      expect(headers).not.toHaveProperty(name);
    expect(String(body)).toBe("ok");
  });

  check("bodies pass whole, with a length and without, small, empty and large", async () => {
    await serve(echo);
    const large = Buffer.alloc(3_000_000, "large body ");
    expect((await send(large)).body.equals(large)).toBe(true);
    expect((await send(large, { "content-length": large.length })).body.equals(large)).toBe(true);
    expect(String((await send("small")).body)).toBe("small");
    expect(String((await send("small", { "content-length": 5 })).body)).toBe("small");
    expect(String((await send("", { "content-length": 0 })).body)).toBe("");
    expect(String((await send("")).body)).toBe("");
  });

  check("HEAD, 204 and 304 have no body", async () => {
    await serve((req, res) => {
      if (req.url === "/head") res.setHeader("content-length", 5).end("hello");
      else res.writeHead(Number(req.url?.slice(1))).end();
    });
    const head = await ask({ ":method": "HEAD", ":path": "/head" });
    expect({ length: head.headers["content-length"], body: String(head.body) }).toEqual({ length: "5", body: "" });
    for (const status of [204, 304]) expect((await ask({ ":path": `/${status}` })).headers[":status"]).toBe(status);
  });

  check("an answer is passed on as it comes, before it has ended", async () => {
    let finish = (): void => undefined;
    await serve((_, res) => {
      res.write("first");
      finish = () => res.end("last");
    });
    const stream = call();
    const [chunk] = await once(stream, "data");
    expect(String(chunk)).toBe("first");
    finish();
    expect(String(await readAll(stream))).toBe("last");
  });

  check("many requests on one connection are answered side by side", async () => {
    const waiting: (() => void)[] = [];
    await serve((req, res) => {
      waiting.push(() => res.end(req.url));
      if (waiting.length === 50) for (const answer of waiting) answer();
    });
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => ask({ ":path": `/${index}` })));
    expect(answers.map(({ body }) => String(body))).toEqual(Array.from({ length: 50 }, (_, index) => `/${index}`));
  });

  check("one request that is given up ends at the application, and the others go on", async () => {
    const ended: string[] = [];
    const answers: (() => void)[] = [];
    await serve((req, res) => {
      answers.push(() => res.end("served"));
      res.on("close", () => ended.push(`${req.url} ${res.writableFinished ? "whole" : "given up"}`));
    });
    const [one, other] = [call({ ":path": "/one" }), call({ ":path": "/other" })];
    one.on("error", () => undefined);
    const served = answerOf(other);
    while (answers.length < 2) await new Promise((go) => setTimeout(go, 5));
    one.close(constants.NGHTTP2_CANCEL);
    while (ended.length === 0) await new Promise((go) => setTimeout(go, 5));
    expect(ended).toEqual(["/one given up"]);
    for (const answer of answers) answer();
    expect(String((await served).body)).toBe("served");
    expect(session.destroyed).toBe(false);
  });

  check("an upload that is given up never looks whole to the application", async () => {
    const seen: string[] = [];
    await serve((req, res) => {
      req.on("data", () => seen.push("data"));
      req.on("end", () => seen.push("end"));
      req.on("error", () => seen.push("given up"));
      res.on("close", () => seen.push("closed"));
    });
    const upload = call({ ":method": "POST" }, { endStream: false });
    upload.on("error", () => undefined);
    upload.write(Buffer.alloc(100_000));
    while (!seen.includes("data")) await new Promise((go) => setTimeout(go, 5));
    // `close` would end it in order first.
    upload.destroy(new Error("given up"));
    while (!seen.includes("closed")) await new Promise((go) => setTimeout(go, 5));
    expect(seen).not.toContain("end");
  });

  /** The code by which the client is told of an answer that its application did not finish. */
  async function codeOfCut(head: Record<string, string>): Promise<number> {
    await serve((req, res) => {
      if (req.url === "/whole") return void res.end("whole");
      res.writeHead(200, head);
      res.write("a part of it", () => req.socket.destroy());
    });
    const stream = call();
    const code = new Promise<number>((resolve) => {
      stream.on("error", () => undefined);
      stream.on("close", () => resolve(stream.rstCode));
    });
    stream.resume();
    const told = await code;
    expect(String((await ask({ ":path": "/whole" })).body)).toBe("whole");
    return told;
  }

  check("an answer with a length that ends early is told as an error, and the connection goes on", async () => {
    expect(await codeOfCut({ "content-length": "100000" })).not.toBe(constants.NGHTTP2_NO_ERROR);
  });

  check("an answer of unknown length that ends early is told as an error, and the connection goes on", async () => {
    expect(await codeOfCut({})).not.toBe(constants.NGHTTP2_NO_ERROR);
  });

  check("trailers of an answer reach the client", async () => {
    await serve((_, res) => {
      res.writeHead(200, { trailer: "x-sum" });
      res.write("body");
      res.addTrailers({ "x-sum": "4" });
      res.end();
    });
    const { trailers, body } = await ask();
    expect(String(body)).toBe("body");
    expect({ ...trailers }).toMatchObject({ "x-sum": "4" });
  });

  check("trailers of a request do no harm", async () => {
    await serve(echo);
    const stream = session.request({ ":path": "/", ":method": "POST", ":authority": HOST }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "4" }));
    stream.end("body");
    expect(String((await answerOf(stream)).body)).toBe("body");
  });

  check("what nobody serves is answered by a problem document", async () => {
    await bed.apply([]);
    const { headers, body } = await ask();
    expect(headers).toMatchObject({ ":status": 503, "content-type": "application/problem+json" });
    expect(JSON.parse(String(body))).toMatchObject({ code: "INSTANCE_NONE" });
  });

  check("a Host header beside another authority is never believed twice", async () => {
    await serve((req, res) => res.end(req.headers.host));
    const { headers, body } = await ask({ host: "forged.example.org" });
    // Refused, or served by the authority alone.
    expect(Number(headers[":status"]) === 400 || String(body) === HOST).toBe(true);
  });

  check("a flood of opened and cancelled requests ends, and others are served", async () => {
    await serve((_, res) => res.end("served"));
    const flood = connect(`https://127.0.0.1:${bed.tlsPort}`, { rejectUnauthorized: false, servername: HOST });
    flood.on("error", () => undefined);
    await once(flood, "connect");
    for (let round = 0; round < 200 && !flood.destroyed; round += 1) {
      for (let index = 0; index < 20; index += 1) {
        if (flood.destroyed || flood.closed) break;
        const stream = flood.request({ ":path": "/", ":authority": HOST });
        stream.on("error", () => undefined);
        stream.close(constants.NGHTTP2_CANCEL);
      }
      await new Promise((go) => setImmediate(go));
    }
    expect(String((await ask()).body)).toBe("served");
    flood.destroy();
  });
});

printTable("HTTP/2");
