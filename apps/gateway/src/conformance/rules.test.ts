import type { TableRule } from "@evenkeel/contracts/route-table";
import { TrafficPolicy } from "@evenkeel/contracts/traffic-rule";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Ask, Bed, DRIVERS, type Spec, until } from "./bed.ts";
import { type Given, namedApplication, putRules, rule, sendTo, way, type ZonedSpec } from "./rule-bed.ts";
import { conforming, printTable } from "./table.ts";

printTable("rules");

describe.each(DRIVERS)("%s", (driver) => {
  const check = conforming(driver);
  let bed: Bed;
  beforeEach(async () => {
    bed = new Bed(driver, { zone: "b" });
    await bed.open();
  });
  afterEach(async () => {
    await bed.close();
  });

  const put = (specs: readonly ZonedSpec[], given: Given) => putRules(bed, specs, given);
  const said = async (headers: Record<string, string> = {}, path = "/") => (await bed.ask({ headers, path })).body;
  const named = (name: string) => namedApplication(bed, name);

  async function oldAndNew() {
    const [old, young] = [await named("old"), await named("new")];
    const subsets = [
      { name: "v1", instances: [bed.key(old)] },
      { name: "v2", instances: [bed.key(young)] },
    ];
    return { specs: [{ port: old }, { port: young }], subsets, old, young };
  }

  describe("rules", () => {
    test.each([
      ["a header", { field: "header" as const, name: "x-user" }, { "x-user": "ann" }, "/"],
      ["a cookie", { field: "cookie" as const, name: "user" }, { cookie: "a=1; user=ann; b=2" }, "/"],
      ["a query", { field: "query" as const, name: "user" }, {}, "/x?a=1&user=ann"],
    ])(
      "by %s send exactly the matching requests, and their removal acts on the next one",
      async (...[, on, headers, path]) => {
        const { specs, subsets } = await oldAndNew();
        const condition = { ...on, not: false, test: { kind: "in" as const, values: ["ann"] } };
        const rules = [
          rule("ann", { conditions: [condition], send: sendTo(way(["v2"])) }),
          rule("others", { send: sendTo(way(["v1"])) }),
        ];
        await put(specs, { subsets, rules });
        for (let round = 0; round < 4; round += 1) {
          expect(await said(headers, path)).toBe("new");
          expect(await said()).toBe("old");
        }
        await put(specs, { subsets, rules: rules.slice(1) });
        expect(await said(headers, path)).toBe("old");
      },
    );

    check("rules that name values act on requests that have them, and on no others", async () => {
      const port = await named("served");
      const among = (...values: string[]) => ({ not: false, test: { kind: "in" as const, values } });
      const fault = { abort: { status: 418, percent: 100 } };
      const rules = [
        rule("header", { conditions: [{ field: "header", name: "x-user", ...among("ann", "an other") }], fault }),
        rule("cookie", { conditions: [{ field: "cookie", name: "user", ...among("ann") }], fault }),
        rule("query", { conditions: [{ field: "query", name: "user", ...among("ann") }], fault }),
        rule("path", { conditions: [{ field: "path", name: "", ...among("/teapot") }], fault }),
        rule("begin", {
          conditions: [{ field: "path", name: "", not: false, test: { kind: "prefix", prefix: "/kettle" } }],
          fault,
        }),
      ];
      await put([{ port }], { rules });
      const asked: Ask[] = [
        { headers: { "x-user": "ann" } },
        { headers: { "x-user": "an other" } },
        { headers: { cookie: "user=ben; user=ann" } },
        { headers: { cookie: "b=1; user=ann" } },
        { path: "/?user=ann" },
        { path: "/teapot?x" },
        { path: "/kettle" },
        { path: "/kettle/lid?x" },
        { method: "POST", body: "x", path: "/teapot" },
        { headers: { "x-user": "ben", cookie: "user=ben" }, path: "/teapots?user=ben&user=ann" },
        { path: "/a/kettle" },
      ];
      const statuses = await Promise.all(asked.map(async (one) => (await bed.ask(one)).status));
      expect(statuses).toEqual([418, 418, 200, 418, 418, 418, 418, 418, 418, 200, 200]);
      await put([{ port }], {});
      expect((await bed.ask({ path: "/teapot" })).status).toBe(200);
    });

    check("of several lines of a header the first counts", async () => {
      const { specs, subsets } = await oldAndNew();
      const conditions = [
        { field: "header" as const, name: "x-user", not: false, test: { kind: "in" as const, values: ["ann"] } },
      ];
      await put(specs, {
        subsets,
        rules: [rule("ann", { conditions, send: sendTo(way(["v2"])) }), rule("o", { send: sendTo(way(["v1"])) })],
      });
      const answer = (first: string, second: string) =>
        bed.raw(`GET / HTTP/1.1\r\nhost: a\r\nX-User: ${first}\r\nx-user: ${second}\r\nconnection: close\r\n\r\n`);
      expect(await answer("ann", "ben")).toMatch(/new$/);
      expect(await answer("ben", "ann")).toMatch(/old$/);
    });

    check("when the destination has nobody, its fallback is taken; without one it is 503", async () => {
      const { specs, subsets } = await oldAndNew();
      const [old, young] = specs as [Spec, Spec];
      const rules = (chain: string[]) => [rule("all", { send: sendTo(way(chain)) })];
      await put([old, { ...young, draining: true }], { subsets, rules: rules(["v2", "all"]) });
      expect(await said()).toBe("old");
      await put([old, { ...young, weight: 0 }], { subsets, rules: rules(["v2", "v1"]) });
      expect(await said()).toBe("old");
      await put([old], { subsets: [], rules: rules(["v2"]) });
      expect(JSON.parse(await said())).toMatchObject({ code: "INSTANCE_NONE" });
    });

    check("an instance that refuses is followed by the next of the chain", async () => {
      const { specs, subsets, old } = await oldAndNew();
      const dead = { port: 1 };
      await put([...specs, dead], {
        subsets: [...subsets, { name: "dead", instances: [bed.key(1)] }],
        rules: [rule("all", { send: sendTo(way(["dead", "v1"])) })],
      });
      expect(await said()).toBe("old");
      expect((await bed.statistics(old))?.requests).toBe(1);
    });

    check("a share of 10,000 users is that share within one in a hundred, and each stays where he is", async () => {
      const { specs, subsets } = await oldAndNew();
      await put(specs, { subsets, rules: [rule("gray", { send: sendTo(way(["v2"], 1000), way(["v1"], 9000)) })] });
      const users = Array.from({ length: 1000 }, (_, index) => `user-${index}`);
      const first = await Promise.all(users.map((user) => said({ cookie: `uid=${user}` })));
      const second = await Promise.all(users.map((user) => said({ cookie: `uid=${user}` })));
      expect(second).toEqual(first);
      expect(Math.abs(first.filter((body) => body === "new").length - 100)).toBeLessThan(30);
    });
  });

  describe("lanes and cells", () => {
    const marks = [
      { kind: "lane" as const, name: "gray", seal: "s1" },
      { kind: "cell" as const, name: "blue", seal: "s2" },
    ];

    check(
      "the lane that a rule gives is carried on; a client cannot claim one, and what else he carries is kept",
      async () => {
        const { specs, subsets } = await oldAndNew();
        const conditions = [
          { field: "header" as const, name: "x-user", not: false, test: { kind: "present" as const } },
        ];
        const inLane = [
          { field: "lane" as const, name: "", not: false, test: { kind: "in" as const, values: ["gray"] } },
        ];
        await put(specs, {
          ...{ subsets, marks },
          rules: [
            rule("lane", { conditions: inLane, send: sendTo(way(["v2"])) }),
            rule("user", { conditions, send: sendTo(way(["v2"], 10_000, "gray")) }),
            rule("others", { send: sendTo(way(["v1"])) }),
          ],
        });
        expect(await said({ "x-user": "ann", baggage: "a=1" })).toBe("new a=1,lane=gray;seal=s1");
        expect(await said({ baggage: "lane=gray;seal=s1,b=2" })).toBe("new b=2,lane=gray;seal=s1");
        expect(await said({ baggage: "lane=gray,b=2" })).toBe("old b=2");
        expect(await said({ baggage: "lane=gray;seal=guessed" })).toBe("old");
      },
    );

    check("without any rule a claimed lane is taken away too", async () => {
      const { specs } = await oldAndNew();
      await put([specs[0] as Spec], {});
      expect(await said({ baggage: "lane=gray,b=2" })).toBe("old b=2");
    });

    check("a request keeps to its cell, from its share at the entry on", async () => {
      const { specs, subsets } = await oldAndNew();
      const home = {
        chain: ["all"],
        cells: [
          { cell: "blue", chain: ["v1"] },
          { cell: "green", chain: ["v2"] },
        ],
      };
      const green = { kind: "cell" as const, name: "green", seal: "s3" };
      const cells = (blue: number) => [
        { cell: "blue", basisPoints: blue },
        { cell: "green", basisPoints: 10_000 - blue },
      ];
      const go = (blue: number) =>
        put(specs, {
          subsets,
          home,
          marks: [...marks, green],
          entry: { key: [{ cookie: "uid" }], cells: cells(blue) },
        });
      await go(10_000);
      expect(await said()).toBe("old cell=blue;seal=s2");
      expect(await said({ baggage: "cell=green;seal=s3" })).toBe("new cell=green;seal=s3");
      await go(0);
      expect(await said()).toBe("new cell=green;seal=s3");
      expect(await said({ baggage: "cell=blue;seal=s2" })).toBe("old cell=blue;seal=s2");
    });
  });

  describe("limits, faults and mirrors", () => {
    check("beyond its rate a key is answered 429, another one not", async () => {
      const { specs } = await oldAndNew();
      await put(specs, {
        rules: [rule("limit", { rateLimit: { requests: 2, perSeconds: 3600, key: { header: "x-user" } } })],
      });
      const statuses = (user: string) => [1, 2, 3].map(() => bed.ask({ headers: { "x-user": user } }));
      const answers = await Promise.all([...statuses("ann"), ...statuses("ben")]);
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 429, 429]);
      const refused = answers.find(({ status }) => status === 429);
      expect(JSON.parse(refused?.body ?? "")).toMatchObject({ code: "RATE_LIMITED", facts: { rule: "limit" } });
      // The hour in which it had its two is not over.
      expect(Number(refused?.headers["retry-after"])).toBeGreaterThan(60);
      expect(Number(refused?.headers["retry-after"])).toBeLessThanOrEqual(3600);
      // What was counted is kept by the next table.
      await put(specs, {
        rules: [rule("limit", { rateLimit: { requests: 2, perSeconds: 3600, key: { header: "x-user" } } })],
      });
      expect((await bed.ask({ headers: { "x-user": "ann" } })).status).toBe(429);
    });

    check("so many at once; the next waits for a place, one more is refused", async () => {
      const open: (() => void)[] = [];
      const port = await bed.application((_req, res) => void open.push(() => res.end("done")));
      const concurrency = { requests: 1, queue: 1, queueMs: 60_000 };
      await put([{ port }], { rules: [rule("one", { concurrency })] });
      const first = bed.ask();
      await until(() => open.length === 1);
      const [second, third] = [bed.ask(), bed.ask()];
      const refused = await Promise.race([second, third]);
      expect(JSON.parse(refused.body)).toMatchObject({ code: "CONCURRENCY_REACHED" });
      open[0]?.();
      await until(() => open.length === 2);
      open[1]?.();
      expect((await Promise.all([first, second, third])).map(({ status }) => status).sort()).toEqual([200, 200, 503]);
    });

    check("a client that goes gives its place back, in the line and at work", async () => {
      const open: (() => void)[] = [];
      const port = await bed.application((_req, res) => void open.push(() => res.end("done")));
      await put([{ port }], { rules: [rule("one", { concurrency: { requests: 1, queue: 5, queueMs: 60_000 } })] });
      const working = bed.connect();
      working.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      await until(() => open.length === 1);
      const waiting = bed.connect();
      waiting.write("GET /waiting HTTP/1.1\r\nhost: a\r\n\r\n");
      const last = bed.ask();
      waiting.destroy();
      working.destroy();
      await until(() => open.length >= 2);
      for (const end of open) end();
      expect((await last).body).toBe("done");
      const again = bed.ask();
      await until(() => open.length >= 3);
      open.at(-1)?.();
      expect((await again).status).toBe(200);
    });

    check("a drill answers in its place, or lets it wait", async () => {
      const { specs, old } = await oldAndNew();
      await put([specs[0] as Spec], { rules: [rule("drill", { fault: { abort: { status: 418, percent: 100 } } })] });
      const answer = await bed.ask();
      expect([answer.status, JSON.parse(answer.body).code]).toEqual([418, "FAULT_INJECTED"]);
      expect(await bed.statistics(old)).toBeUndefined();
      const delayed = (ms: number, { conditions = [], fault = {} }: Partial<TableRule> = {}) =>
        put([specs[0] as Spec], {
          rules: [rule("drill", { conditions, fault: { ...fault, delay: { ms, percent: 100 } } })],
        });
      await delayed(1);
      expect(await said()).toBe("old");
      // An answer of the drill's own waits as long.
      for (const fault of [{}, { abort: { status: 418, percent: 100 } }]) {
        const test = { kind: "in" as const, values: ["/late"] };
        await delayed(60_000, { conditions: [{ field: "path", name: "", not: false, test }], fault });
        const late = bed.connect();
        late.write("GET /late HTTP/1.1\r\nhost: a\r\n\r\n");
        expect(await said()).toBe("old");
        late.destroy();
        await until(async () => ((await bed.statistics(null))?.clientAborts ?? 0) === 1);
      }
    });

    check("a mirror gets a copy, and its answer goes nowhere", async () => {
      const { specs, subsets } = await oldAndNew();
      let copies = 0;
      const shadow = await bed.application((req, res) => {
        if (req.headers["x-evenkeel-mirror"] === "1" && req.url === "/a?b=1") copies += 1;
        res.writeHead(500).end("shadow");
      });
      await put([...specs, { port: shadow, weight: 100 }], {
        subsets: [...subsets, { name: "shadow", instances: [bed.key(shadow)] }],
        rules: [rule("copy", { mirror: { basisPoints: 10_000, chain: ["shadow"] }, send: sendTo(way(["v1"])) })],
      });
      for (let round = 0; round < 3; round += 1) expect(await said({}, "/a?b=1")).toBe("old");
      await until(() => copies === 3);
      expect(await bed.statistics(shadow)).toBeUndefined();
    });

    check(
      "copies that nobody answers hold up nothing: beyond so many no more are made, until some have ended",
      async () => {
        const { specs, subsets } = await oldAndNew();
        const copied = new Map<string | undefined, () => void>();
        const shadow = await bed.application((req, res) => void copied.set(req.url, () => res.end()));
        await put([...specs, { port: shadow }], {
          subsets: [...subsets, { name: "shadow", instances: [bed.key(shadow)] }],
          rules: [rule("copy", { mirror: { basisPoints: 10_000, chain: ["shadow"] }, send: sendTo(way(["v1"])) })],
        });
        for (let round = 0; round < 300; round += 1) expect(await said({}, `/${round}`)).toBe("old");
        await until(() => copied.size >= 256);
        for (const answer of copied.values()) answer();
        await until(async () => {
          await said({}, "/after");
          return copied.has("/after");
        });
        expect([copied.has("/0"), copied.has("/299")]).toEqual([true, false]);
      },
    );
  });

  describe("policies", () => {
    const policy = (given: object) => TrafficPolicy.parse(given);

    check("an instance that fails five times in a row is left alone", async () => {
      const good = await named("good");
      const bad = await bed.application((_req, res) => res.writeHead(500).end("bad"));
      await put([{ port: good }, { port: bad }], { policy: policy({ ejection: { consecutive5xx: 5 } }) });
      const bodies = [];
      for (let round = 0; round < 30; round += 1) bodies.push(await said());
      expect(bodies.filter((body) => body === "bad")).toHaveLength(5);
      // The only one that is left is used, whatever it did.
      await put([{ port: bad }], { policy: policy({ ejection: { consecutive5xx: 5 } }) });
      expect(await said()).toBe("bad");
    });

    check("the circuit opens when too much fails, and says so", async () => {
      const bad = await bed.application((_req, res) => res.writeHead(500).end("bad"));
      await put([{ port: bad }], { policy: policy({ circuit: { minimumRequests: 4, openSeconds: 600 } }) });
      for (let round = 0; round < 4; round += 1) expect(await said()).toBe("bad");
      expect(JSON.parse(await said())).toMatchObject({ code: "CIRCUIT_OPEN", facts: { errorPercent: 100 } });
    });

    check("instances of the gateway's own zone come first, others when there is none", async () => {
      const { specs } = await oldAndNew();
      const [far, near] = specs as [Spec, Spec];
      const zones = (draining: boolean) => [
        { ...far, zone: "a" },
        { ...near, zone: "b", draining },
      ];
      await put(zones(false), { policy: policy({ zoneFirst: true }) });
      expect(new Set([await said(), await said(), await said()])).toEqual(new Set(["new"]));
      await put(zones(true), { policy: policy({ zoneFirst: true }) });
      expect(await said()).toBe("old");
    });

    check("a new instance beside others begins with a tenth of its weight", async () => {
      const { specs } = await oldAndNew();
      const third = { port: await named("third") };
      const warm = { policy: policy({ warmUp: { seconds: 3600 } }) };
      await put(specs, warm);
      await put([...specs, third], warm);
      const bodies = [];
      for (let round = 0; round < 210; round += 1) bodies.push(await said());
      expect(bodies.filter((body) => body === "third")).toHaveLength(10);
    });

    check("whoever still asks an instance that drains is told so, and his connection is closed", async () => {
      const open: (() => void)[] = [];
      const port = await bed.application((_req, res) => void open.push(() => res.end("late")));
      await put([{ port }], {});
      const late = bed.ask();
      await until(() => open.length === 1);
      await put([{ port, draining: true }], {});
      open[0]?.();
      expect((await late).headers).toMatchObject({ "x-evenkeel-draining": "1", connection: "close" });
    });
  });
});
