import { createHash, randomBytes } from "node:crypto";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { type Answer, Bed, DRIVERS, until } from "./bed.ts";
import { conforming, printTable } from "./table.ts";

printTable("lossless");

describe.each(DRIVERS)("%s", (driver) => {
  const check = conforming(driver);
  let bed: Bed;

  beforeEach(async () => {
    bed = new Bed(driver);
    await bed.open();
  });

  afterEach(async () => await bed.close());

  const named =
    (name: string): RequestListener =>
    (_, res) =>
      void res.end(name);

  /** A port on which nobody listens. */
  async function deadPort(): Promise<number> {
    const server = createServer();
    const port = await bed.applicationServer(server);
    await new Promise((resolve) => server.close(resolve));
    return port;
  }

  function problemIn({ status, headers, body }: Answer): unknown {
    expect(headers["content-type"]).toBe("application/problem+json");
    const { code, status: inBody } = JSON.parse(body);
    expect(inBody).toBe(status);
    return `${status} ${code}`;
  }

  describe("an answer of the gateway's own", () => {
    check("without a route is 404", async () => {
      expect(problemIn(await bed.ask())).toBe("404 ROUTE_NONE");
    });

    check("without an instance is 503, with the word when to come again", async () => {
      await bed.apply([]);
      const answer = await bed.ask();
      expect(problemIn(answer)).toBe("503 INSTANCE_NONE");
      expect(answer.headers["retry-after"]).toBe("1");
      expect(await bed.statistics(null)).toMatchObject({ requests: 1, unavailable: 1, status5xx: 0 });
    });

    check("when all instances refuse is 502, and names the service and the cause", async () => {
      const port = await deadPort();
      await bed.apply([{ port }]);
      const answer = await bed.ask({ method: "POST", body: "x" });
      expect(problemIn(answer)).toBe("502 INSTANCE_FAILED");
      expect(JSON.parse(answer.body).title).toMatch(/^shop did not answer: .*connect/);
      await until(() => bed.troubles.length > 0);
      expect(bed.troubles.map(({ code }) => code)).toEqual(["INSTANCE_FAILED"]);
    });

    check("when the application does not begin its answer is 504", async () => {
      const hurried = await new Bed(driver, { responseTimeoutMs: 300 }).open();
      try {
        const port = await hurried.application(() => undefined);
        await hurried.apply([{ port }]);
        expect(problemIn(await hurried.ask())).toBe("504 INSTANCE_SLOW");
        const { requests, status5xx, connectErrors, inFlight } = (await hurried.statistics(port)) ?? {};
        expect({ requests, failed: (status5xx ?? 0) + (connectErrors ?? 0), inFlight }).toEqual({
          requests: 1,
          failed: 1,
          inFlight: 0,
        });
      } finally {
        await hurried.close();
      }
    });

    check("when the application speaks no HTTP is 502", async () => {
      const port = await bed.peer((socket) => socket.once("data", () => socket.end("SSH-2.0-OpenSSH\r\n")));
      await bed.apply([{ port }]);
      expect(problemIn(await bed.ask())).toBe("502 INSTANCE_FAILED");
    });
  });

  describe("a request whose instance refuses the connection", () => {
    check("goes to another one, with its body, however large", async () => {
      const dead = await deadPort();
      const port = await bed.application((req, res) => {
        const hash = createHash("sha256");
        req.on("data", (chunk) => hash.update(chunk)).on("end", () => res.end(hash.digest("hex")));
      });
      await bed.apply([{ port: dead }, { port }]);
      for (const bytes of [10, 2_000_000]) {
        const body = randomBytes(bytes);
        for (let index = 0; index < 2; index += 1) {
          const { body: digest } = await bed.ask({ method: "POST", body });
          expect(digest).toBe(createHash("sha256").update(body).digest("hex"));
        }
      }
      const { requests, connectErrors, retries } = (await bed.statistics(dead)) ?? {};
      expect({ requests, connectErrors }).toEqual({ requests: 0, connectErrors: 0 });
      expect(retries).toBeGreaterThanOrEqual(2);
    });

    check("waits for one that answers as long as requests may wait", async () => {
      await bed.apply([{ port: await deadPort() }], 5000);
      const answer = bed.ask();
      const port = await bed.application(named("second"));
      await bed.apply([{ port }], 5000);
      expect((await answer).body).toBe("second");
    });
  });

  describe("a service without an instance", () => {
    check("keeps requests waiting for a first one, for the stated time", async () => {
      await bed.apply([], 20_000);
      const answers = [bed.ask(), bed.ask({ method: "POST", body: "x" })];
      await sleep(50);
      await bed.apply([], 20_000);
      const port = await bed.application(named("there"));
      await bed.apply([{ port, weight: 0 }], 20_000);
      await bed.apply([{ port }], 20_000);
      expect((await Promise.all(answers)).map(({ body }) => body)).toEqual(["there", "there"]);
      await bed.apply([{ port, draining: true }], 100);
      expect(problemIn(await bed.ask())).toBe("503 INSTANCE_NONE");
    });
  });

  /** An application that answers the first request of each connection and drops the connection at the second, and at each POST. */
  async function dyingConnections(requests: string[]): Promise<number> {
    return await bed.peer((socket) => {
      let count = 0;
      socket.on("data", (bytes) => {
        count += 1;
        requests.push(`${String(bytes).split(" ", 1)} ${count}`);
        if (count === 1 && !String(bytes).startsWith("POST"))
          socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        else socket.destroy();
      });
    });
  }

  describe("a kept connection that turns out to be dead", () => {
    check("costs no safe request: it is sent again on a new one", async () => {
      const requests: string[] = [];
      const port = await dyingConnections(requests);
      await bed.apply([{ port }]);
      for (let index = 0; index < 4; index += 1) expect((await bed.ask()).status).toBe(200);
      const died = requests.filter((request) => request === "GET 2").length;
      // Now and then HAProxy has its kept connection in another thread, and opens a new one.
      expect(died).toBeGreaterThanOrEqual(driver === "node" ? 3 : 1);
      expect(requests.filter((request) => request === "GET 1")).toHaveLength(4);
      expect(requests).toHaveLength(4 + died);
      const { requests: answered, status2xx, retries } = (await bed.statistics(port)) ?? {};
      expect({ answered, status2xx }).toEqual({ answered: 4, status2xx: 4 });
      expect(retries).toBeGreaterThanOrEqual(died);
    });

    check("is never the reason to send a POST twice", async () => {
      const requests: string[] = [];
      const port = await dyingConnections(requests);
      await bed.apply([{ port }]);
      expect((await bed.ask()).status).toBe(200);
      expect(problemIn(await bed.ask({ method: "POST", body: "pay" }))).toBe("502 INSTANCE_FAILED");
      expect(requests.filter((request) => request.startsWith("POST"))).toHaveLength(1);
      expect(await bed.statistics(port)).toMatchObject({ requests: 2, connectErrors: 1, retries: 0 });
    });

    check("is not used for a POST when it has been idle for more than a moment", async () => {
      const connections = new Set<number | undefined>();
      // Node closes a connection that is idle for a second, and tells nobody.
      const server = createServer((req, res) => {
        connections.add(req.socket.remotePort);
        res.shouldKeepAlive = true;
        req.resume().on("end", () => res.end("ok"));
      });
      const port = await bed.applicationServer(server);
      await bed.apply([{ port }]);
      await bed.ask();
      await sleep(1100);
      await bed.ask({ method: "POST", body: "x" });
      expect(connections.size).toBe(2);
    });

    check("a POST that a new connection lost is not sent again", async () => {
      expect(await lostOnNewConnection("POST")).toBe(1);
    });

    check("a GET that a new connection lost is not sent again", async () => {
      expect(await lostOnNewConnection("GET")).toBe(1);
    });

    /** How often the application saw a request that ended its connection. */
    async function lostOnNewConnection(method: string): Promise<number> {
      let requests = 0;
      const port = await bed.peer((socket) =>
        socket.on("data", () => {
          requests += 1;
          socket.destroy();
        }),
      );
      await bed.apply([{ port }]);
      expect(problemIn(await bed.ask({ method }))).toBe("502 INSTANCE_FAILED");
      return requests;
    }

    check("an application that closes idle connections without a word costs no GET", async () => {
      const server = createServer({ keepAliveTimeout: 45, keepAliveTimeoutBuffer: 0 }, (_, res) => {
        // With a header of its own Node does not announce when it will close.
        res.setHeader("connection", "keep-alive").end("ok");
      });
      const port = await bed.applicationServer(server);
      await bed.apply([{ port }]);
      const statuses = new Set<number>();
      for (let index = 0; index < 60; index += 1) {
        statuses.add((await bed.ask()).status);
        await sleep(40 + (index % 10));
      }
      expect([...statuses]).toEqual([200]);
    });

    check("an application that announces when it closes idle connections costs no POST", async () => {
      const server = createServer(
        { keepAliveTimeout: 2000, keepAliveTimeoutBuffer: 0 },
        (req, res) => void req.pipe(res),
      );
      const port = await bed.applicationServer(server);
      await bed.apply([{ port }]);
      for (const waitMs of [0, 960, 1000, 1980, 2000]) {
        await sleep(waitMs);
        const answers = Array.from({ length: 20 }, () => bed.ask({ method: "POST", body: "x" }));
        expect(new Set((await Promise.all(answers)).map(({ status }) => status))).toEqual(new Set([200]));
      }
    });
  });

  describe("draining", () => {
    check("waits for a response held open for 3 s, and the instance gets nothing new meanwhile", async () => {
      const seen: string[] = [];
      const old = await bed.application((req, res) => {
        seen.push(req.url ?? "");
        res.write("begun ");
        setTimeout(() => res.end("ended"), 3000);
      });
      const next = await bed.application(named("new"));
      await bed.apply([{ port: old }]);
      const held = bed.ask({ path: "/held" });
      await until(() => seen.length === 1);
      await bed.apply([{ port: old, draining: true }, { port: next }]);
      expect(bed.plane.draining()).toEqual([{ instance: bed.key(old), inFlight: 1, longLived: 0 }]);
      for (let index = 0; index < 20; index += 1) expect((await bed.ask()).body).toBe("new");
      expect(bed.drained).toBe(0);
      expect((await held).body).toBe("begun ended");
      await until(() => bed.drained === 1);
      expect(bed.plane.draining()).toEqual([{ instance: bed.key(old), inFlight: 0, longLived: 0 }]);
      expect(seen).toEqual(["/held"]);
    });

    check("closes idle connections to the instance at once, and busy ones after their answer", async () => {
      const connections = new Set<Socket>();
      const held: ServerResponse[] = [];
      const server = createServer({ keepAliveTimeout: 60_000 }, (req, res) => {
        if (req.url === "/held") held.push(res);
        else res.end();
      });
      server.on("connection", (socket: Socket) => {
        connections.add(socket);
        socket.on("close", () => connections.delete(socket));
      });
      const port = await bed.applicationServer(server);
      await bed.apply([{ port }]);
      const answer = bed.ask({ path: "/held" });
      await until(() => held.length === 1);
      await Promise.all([bed.ask(), bed.ask()]);
      await until(() => connections.size >= 2);
      await bed.apply([{ port, draining: true }]);
      await until(() => connections.size === 1);
      held[0]?.end("whole");
      expect((await answer).body).toBe("whole");
      await until(() => connections.size === 0);
    });

    check("a request in flight on an instance that left the table ends as if nothing had happened", async () => {
      const port = await bed.application((_, res) => void setTimeout(() => res.end("whole"), 200));
      await bed.apply([{ port }]);
      const answer = bed.ask();
      await sleep(50);
      await bed.apply([]);
      expect((await answer).body).toBe("whole");
      expect(await bed.statistics(port)).toMatchObject({ requests: 1, status2xx: 1 });
      expect(await bed.statistics(port)).toBeUndefined();
    });

    check("an order to cut destroys what is left, begun or not, and nothing of others", async () => {
      const cutPort = await bed.application((req, res) => {
        if (req.url === "/begun") res.write("begun");
      });
      const other = await bed.application((_, res) => void setTimeout(() => res.end("whole"), 300));
      await bed.apply([{ port: cutPort }]);
      const begun = bed.ask({ path: "/begun" }).catch((error: NodeJS.ErrnoException) => error.code);
      const silent = bed.ask({ path: "/silent", method: "POST", body: "x" });
      await bed.inFlight(2);
      await bed.apply([{ port: cutPort, draining: true }, { port: other }]);
      const untouched = bed.ask();
      await sleep(50);
      bed.plane.cut(bed.key(other));
      bed.plane.cut(bed.key(cutPort));
      expect(await begun).toBe("ECONNRESET");
      expect((await silent).status).toBe(502);
      expect((await untouched).body).toBe("whole");
      await until(() => bed.drained === 1);
    });
  });

  describe("an answer that is cut by the application", () => {
    const cases: Record<string, string> = {
      "with a length": "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
      "in chunks": "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    };

    for (const [name, text] of Object.entries(cases)) {
      check(`${name}: is cut for the client too`, async () => {
        const port = await bed.peer((socket) => socket.once("data", () => socket.end(text)));
        await bed.apply([{ port }]);
        const failure = await bed.ask().catch((error: NodeJS.ErrnoException) => error.code);
        expect(failure).toBe("ECONNRESET");
        expect(await bed.statistics(port)).toMatchObject({ requests: 1, cut: 1, inFlight: 0 });
        await until(() => bed.troubles.length > 0);
        expect(bed.troubles.map(({ code }) => code)).toEqual(["CUT"]);
      });
    }

    check("for a client of HTTP/1.0 it is a reset, since it knows no other sign", async () => {
      const port = await bed.peer((socket) =>
        socket.once("data", () =>
          socket.write(cases["in chunks"] as string, () => setTimeout(() => socket.destroy(), 100)),
        ),
      );
      await bed.apply([{ port }]);
      expect(await bed.raw("GET / HTTP/1.0\r\nhost: x\r\n\r\n")).toMatch(/half<ECONNRESET>$/);
    });
  });

  check("a client that leaves ends its request at the instance, and that is not the instance's failure", async () => {
    let left = 0;
    const port = await bed.application((req) => {
      req.socket.on("close", () => {
        left += 1;
      });
    });
    await bed.apply([{ port }]);
    const socket = bed.connect();
    socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    await bed.inFlight(1);
    socket.destroy();
    await until(() => left === 1);
    expect(await bed.statistics(port)).toMatchObject({
      clientAborts: 1,
      cut: 0,
      connectErrors: 0,
      inFlight: 0,
    });
  });
});
