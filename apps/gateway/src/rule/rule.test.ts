import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Circuit, Concurrency, Ejection, RateLimit, WarmUp } from "@evenkeel/contracts/traffic-rule";
import { describe, expect, test } from "vitest";
import { Marks } from "./baggage.ts";
import { CircuitBreaker } from "./circuit.ts";
import { Places } from "./concurrency.ts";
import { OutlierDetection, type Verdict } from "./ejection.ts";
import { RateCounter } from "./rate.ts";
import { isPointless, warmShare } from "./warm-up.ts";

const S = 1000;

setFlagsFromString("--expose-gc");
const collect: unknown = runInNewContext("gc");

function afterCollection(): NodeJS.MemoryUsage {
  if (typeof collect === "function") collect();
  return process.memoryUsage();
}

describe("outliers are ejected as Envoy does", () => {
  const names = (count: number) => Array.from({ length: count }, (_, index) => `i${index}`);
  const detection = (policy: object, count = 5, draw = () => 0) => {
    const outliers = new OutlierDetection(Ejection.parse(policy), draw);
    outliers.keep(names(count));
    const tell = (instance: string, verdicts: readonly Verdict[], nowMs = 0) => {
      for (const verdict of verdicts) outliers.record(instance, verdict, nowMs);
    };
    return { outliers, tell, ejected: (count_ = count) => names(count_).filter((name) => outliers.isEjected(name)) };
  };
  const times = (count: number, verdict: Verdict): Verdict[] => Array.from({ length: count }, () => verdict);

  test("five failures in a row, not four, and a success between them counts anew", () => {
    const { tell, ejected } = detection({});
    tell("i0", times(4, "5xx"));
    tell("i0", ["success"]);
    tell("i0", times(4, "5xx"));
    expect(ejected()).toEqual([]);
    tell("i0", ["gateway-failure"]);
    expect(ejected()).toEqual(["i0"]);
  });

  test("it stays out for 30 s times the ejections in a row, and comes back with a sweep", () => {
    const { outliers, tell, ejected } = detection({});
    tell("i0", times(5, "5xx"), 0);
    outliers.sweep(29 * S);
    expect(ejected()).toEqual(["i0"]);
    outliers.sweep(30 * S);
    expect(ejected()).toEqual([]);
    tell("i0", times(5, "5xx"), 31 * S);
    outliers.sweep(90 * S);
    expect(ejected()).toEqual(["i0"]);
    outliers.sweep(91 * S);
    expect(ejected()).toEqual([]);
    // Well for two sweeps: the count of ejections has fallen back.
    outliers.sweep(101 * S);
    outliers.sweep(111 * S);
    tell("i0", times(5, "5xx"), 112 * S);
    outliers.sweep(142 * S);
    expect(ejected()).toEqual([]);
  });

  test("no more than a tenth of them is out, but always one may be", () => {
    const { tell, ejected } = detection({ maxEjectionPercent: 10 }, 20);
    for (const name of ["i0", "i1", "i2"]) tell(name, times(5, "5xx"));
    expect(ejected()).toEqual(["i0", "i1"]);
    const small = detection({ maxEjectionPercent: 10 }, 2);
    for (const name of ["i0", "i1"]) small.tell(name, times(5, "5xx"));
    expect(small.ejected()).toEqual(["i0"]);
  });

  test("one whose success rate lies 1.9 deviations below the mean", () => {
    const { outliers, tell, ejected } = detection({ consecutive5xx: 1000 });
    for (const name of names(4)) tell(name, times(100, "success"));
    tell("i4", [...times(90, "success"), ...times(10, "5xx")]);
    outliers.sweep(10 * S);
    expect(ejected()).toEqual(["i4"]);
  });

  test("nothing is said of success rates with fewer than five instances or a hundred requests", () => {
    const few = detection({ consecutive5xx: 1000 }, 4);
    for (const name of names(3)) few.tell(name, times(100, "success"));
    few.tell("i3", times(100, "5xx"));
    few.outliers.sweep(10 * S);
    expect(few.ejected()).toEqual([]);
  });

  test("by a percentage of failures, where it is enforced: an instance with 50 % errors is out at the next sweep", () => {
    const policy = {
      failurePercentageThreshold: 50,
      failurePercentageMinimumHosts: 2,
      enforcingFailurePercentage: 100,
    };
    const { outliers, tell, ejected } = detection(policy, 3);
    for (const name of ["i0", "i1"]) tell(name, times(50, "success"));
    tell(
      "i2",
      Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? "success" : "5xx")),
    );
    expect(outliers.sweep(10 * S)).toBe(true);
    expect(ejected()).toEqual(["i2"]);
    const off = detection({ ...policy, enforcingFailurePercentage: 0 }, 3);
    off.tell("i2", times(4, "5xx"));
    off.outliers.sweep(10 * S);
    expect(off.ejected()).toEqual([]);
  });

  test("gateway failures alone have a count of their own, off unless it is enforced", () => {
    const policy = { enforcingConsecutive5xx: 0, enforcingConsecutiveGatewayFailure: 100 };
    const { tell, ejected } = detection(policy);
    tell("i0", times(9, "5xx"));
    expect(ejected()).toEqual([]);
    tell("i0", times(5, "gateway-failure"));
    expect(ejected()).toEqual(["i0"]);
  });

  test("enforcing is a share of the times", () => {
    const { tell, ejected } = detection({ enforcingConsecutive5xx: 40 }, 5, () => 0.4);
    tell("i0", times(5, "5xx"));
    expect(ejected()).toEqual([]);
  });

  test("when too few are left there is panic, and all are used", () => {
    const { outliers, tell } = detection({ maxEjectionPercent: 100 }, 3);
    tell("i0", times(5, "5xx"));
    expect(outliers.panic).toBe(false);
    tell("i1", times(5, "5xx"));
    expect(outliers.panic).toBe(true);
  });

  test("one that is gone is forgotten", () => {
    const { outliers, tell, ejected } = detection({});
    tell("i0", times(5, "5xx"));
    outliers.keep(["i1"]);
    outliers.keep(["i0", "i1"]);
    expect(ejected()).toEqual([]);
  });
});

describe("the circuit", () => {
  const breaker = () => new CircuitBreaker(Circuit.parse({ minimumRequests: 4, windowSeconds: 10, openSeconds: 5 }));

  test("opens at half of the requests, and only from the least number on", () => {
    const circuit = breaker();
    for (const failed of [true, true, true]) circuit.record(failed, 0);
    expect(circuit.refuses(0)).toBeNull();
    circuit.record(false, 0);
    expect(circuit.refuses(0)).toBe(75);
  });

  test("lets one through after its time: that one decides", () => {
    const circuit = breaker();
    for (let index = 0; index < 4; index += 1) circuit.record(true, 0);
    expect(circuit.refuses(4.9 * S)).toBe(100);
    expect(circuit.waitMs(4.9 * S)).toBeCloseTo(0.1 * S);
    expect(circuit.refuses(5 * S)).toBeNull();
    expect(circuit.refuses(5 * S)).toBe(100);
    circuit.record(true, 5.1 * S);
    expect(circuit.refuses(6 * S)).toBe(100);
    expect(circuit.refuses(11 * S)).toBeNull();
    circuit.record(false, 11 * S);
    expect(circuit.refuses(11 * S)).toBeNull();
  });

  test("one that was let through and never came back does not hold it for ever", () => {
    const circuit = breaker();
    for (let index = 0; index < 4; index += 1) circuit.record(true, 0);
    expect(circuit.refuses(5 * S)).toBeNull();
    expect(circuit.refuses(10 * S)).toBeNull();
  });

  test("forgets what lies before its window", () => {
    const circuit = breaker();
    for (let index = 0; index < 3; index += 1) circuit.record(true, 0);
    for (let index = 0; index < 3; index += 1) circuit.record(false, 20 * S);
    circuit.record(true, 20 * S);
    expect(circuit.refuses(20 * S)).toBeNull();
  });
});

describe("rates", () => {
  test("so many in a period, for each key, and the last period still counts for its share", () => {
    const rate = new RateCounter(RateLimit.parse({ requests: 4 }));
    const taken = (key: string, nowMs: number) =>
      Array.from({ length: 10 }, () => rate.take(key, nowMs)).filter(Boolean).length;
    expect(taken("ann", 0)).toBe(4);
    expect(taken("ann", 999)).toBe(0);
    expect(taken("ben", 999)).toBe(4);
    expect(taken("ann", 1500)).toBe(2);
    expect(taken("ann", 9000)).toBe(4);
  });

  test("who is one too many is told how long until the next one counts", () => {
    const rate = new RateCounter(RateLimit.parse({ requests: 4, perSeconds: 60 }));
    for (let index = 0; index < 4; index += 1) rate.take("ann", 15 * S);
    expect(rate.waitMs("ann", 15 * S)).toBe(45 * S);
    // Nearly two of the last period's four reach into the stretch still: there is room for three.
    for (let index = 0; index < 3; index += 1) expect(rate.take("ann", 91 * S)).toBe(true);
    expect(rate.take("ann", 91 * S)).toBe(false);
    const waitMs = rate.waitMs("ann", 91 * S);
    expect(rate.take("ann", 91 * S + waitMs - 1)).toBe(false);
    expect(rate.take("ann", 91 * S + waitMs + 1)).toBe(true);
  });

  test("what is remembered of keys stays bounded", () => {
    const rate = new RateCounter(RateLimit.parse({ requests: 1 }));
    expect(rate.take("first", 0)).toBe(true);
    expect(rate.take("first", 0)).toBe(false);
    for (let index = 0; index < 100_000; index += 1) rate.take(`k${index}`, 0);
    expect(rate.take("first", 0)).toBe(true);
  });

  test("who was here lately is not washed away by others", () => {
    const rate = new RateCounter(RateLimit.parse({ requests: 1 }));
    const others = (name: string, nowMs: number) => {
      for (let index = 0; index < 60_000; index += 1) rate.take(`${name}${index}`, nowMs);
    };
    expect(rate.take("ann", 0)).toBe(true);
    others("a", 0);
    expect(rate.take("ann", S)).toBe(false);
    others("b", S);
    expect(rate.take("ann", S)).toBe(false);
  });

  test("a key takes no more memory than another, however long it is and whatever it was cut from", () => {
    const rate = new RateCounter(RateLimit.parse({ requests: 1 }));
    const { heapUsed, external } = afterCollection();
    for (let index = 0; index < 20_000; index += 1) {
      const cookie = `uid=${index}${"u".repeat(20)}; rest=${"r".repeat(8000)}`;
      rate.take(cookie.slice(4, 30), 0);
    }
    const now = afterCollection();
    // As they came they would be 160 MB.
    expect(now.heapUsed + now.external - heapUsed - external).toBeLessThan(40e6);
    expect(rate.take("one more", 0)).toBe(true);
  });
});

describe("places", () => {
  test("are taken, waited for in a line, and refused beyond it", () => {
    const places = new Places(Concurrency.parse({ requests: 1, queue: 2, queueMs: 60_000 }));
    const turns: string[] = [];
    const ask = (name: string) => places.ask((mayGo) => turns.push(`${name} ${mayGo}`));
    ask("a");
    ask("b");
    const leave = ask("c");
    ask("d");
    expect(turns).toEqual(["a true", "d false"]);
    places.giveBack();
    expect(turns.at(-1)).toBe("b true");
    leave();
    places.giveBack();
    ask("e");
    expect(turns.slice(3)).toEqual(["e true"]);
  });

  test("who waited too long is refused, and his place in the line is free", async () => {
    const places = new Places(Concurrency.parse({ requests: 1, queue: 1, queueMs: 1 }));
    places.ask(() => undefined);
    expect(await new Promise((resolve) => places.ask(resolve))).toBe(false);
    let second = "";
    const leave = places.ask((mayGo) => {
      second = String(mayGo);
    });
    places.giveBack();
    expect(second).toBe("true");
    leave();
  });
});

test("a new instance's weight grows from a tenth to the whole", () => {
  const policy = WarmUp.parse({ seconds: 100 });
  expect([0, 5, 20, 50, 100, 500].map((seconds) => warmShare(policy, seconds * S))).toEqual([0.1, 0.1, 0.2, 0.5, 1, 1]);
  expect(warmShare({ ...policy, aggression: 2 }, 25 * S)).toBeCloseTo(0.5);
  expect([isPointless(1, 2), isPointless(2, 3), isPointless(1, 3)]).toEqual([false, true, false]);
});

describe("baggage", () => {
  const marks = new Marks([
    { kind: "lane", name: "gray", seal: "s1" },
    { kind: "cell", name: "blue", seal: "s2" },
  ]);
  test.each([
    ["a=1,lane=gray;seal=s1", { lane: "gray", cell: null, rest: ["a=1"] }],
    ["cell=blue;seal=s2 , lane=gray;seal=s1", { lane: "gray", cell: "blue", rest: [] }],
    ["lane=gray", { lane: null, cell: null, rest: [] }],
    ["lane=gray;seal=s2,b=2;p=1", { lane: null, cell: null, rest: ["b=2;p=1"] }],
    ["lane =gray;seal=s1", { lane: null, cell: null, rest: [] }],
    ["lanes=gray,cellar=1", { lane: null, cell: null, rest: ["lanes=gray", "cellar=1"] }],
    ["", { lane: null, cell: null, rest: [] }],
  ])("of %s is believed what is sealed, and claimed lanes are taken away", (header, carried) => {
    expect(marks.read(header)).toEqual(carried);
  });

  test("the next hop gets what is passed on and what was decided", () => {
    expect(marks.write({ lane: "gray", cell: "blue", rest: ["a=1"] })).toBe("a=1,lane=gray;seal=s1,cell=blue;seal=s2");
    expect(marks.write({ lane: "unknown", cell: null, rest: [] })).toBeNull();
  });
});
