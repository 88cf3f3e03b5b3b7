import { describe, expect, test } from "vitest";
import type { TableCondition, TableRule, Way } from "../route-table.ts";
import { bucketOf } from "./bucket.ts";
import type { RequestView } from "./condition.ts";
import { cellAtEntry, compileRules } from "./decide.ts";
import { bodyValue, parseBody } from "./field.ts";
import { canonicalNetwork, networkTest } from "./network.ts";

const asked = (
  given: Partial<Record<"path" | "method" | "source" | "lane" | "body", string>> & { headers?: Record<string, string> },
): RequestView => ({
  path: given.path ?? "/",
  method: given.method ?? "GET",
  source: given.source ?? "10.1.2.3",
  lane: given.lane,
  header: (name) => given.headers?.[name],
  cookie: () => undefined,
  query: () => undefined,
  body: (path) => bodyValue(parseBody(given.body ?? ""), path),
});
const rule = (name: string, given: Partial<TableRule>): TableRule => ({
  name,
  conditions: [],
  send: null,
  mirror: null,
  fault: null,
  rateLimit: null,
  concurrency: null,
  ...given,
});
const way = (chain: string[], basisPoints = 10_000, lane: string | null = null) => ({
  chain,
  cells: [],
  basisPoints,
  lane,
});
const sendTo = (...ways: ReturnType<typeof way>[]) => ({ salt: "s", key: [{ header: "x-user" }], ways, next: false });
const on = (value: Partial<TableCondition> & Pick<TableCondition, "test">): TableCondition => ({
  ...{ field: "header", name: "x-user", not: false },
  ...value,
});
const home: Way = { chain: ["all"], cells: [{ cell: "blue", chain: ["cell blue"] }] };
const everyone = () => true;

describe("where a user stands", () => {
  // Asked of HAProxy 2.6.12: `str(),concat(gray-shop:,txn.k),crc32(1),mod(10000)`.
  test.each([
    ["user-1", 2111],
    ["user-2", 5874],
    ["alice", 8788],
    ["北京", 5955],
    ["", 7930],
  ])("%s is at %i, as HAProxy says", (key, bucket) => {
    expect(bucketOf("gray-shop", key)).toBe(bucket);
  });

  test("a share of 10,000 users is that share, and another salt finds others", () => {
    const users = Array.from({ length: 10_000 }, (_, index) => `user-${index}`);
    const chosen = (salt: string) => users.filter((user) => bucketOf(salt, user) < 1000);
    expect(chosen("one").length).toBeGreaterThan(900);
    expect(chosen("one").length).toBeLessThan(1100);
    const both = chosen("one").filter((user) => bucketOf("two", user) < 1000);
    expect(both.length).toBeLessThan(200);
  });
});

describe("what rules say of a request", () => {
  test("without a rule it goes home, by its cell", () => {
    const decide = compileRules([], home);
    expect(decide(asked({}), null, everyone)).toMatchObject({ chain: ["all"], sentBy: -1, rules: [] });
    expect(decide(asked({}), "blue", everyone).chain).toEqual(["cell blue"]);
    expect(decide(asked({}), "green", everyone).chain).toEqual(["all"]);
  });

  test("the first that fits and sends decides; those that do not send apply as well", () => {
    const rules = [
      rule("limit", { rateLimit: { requests: 1, perSeconds: 1, key: null } }),
      rule("ann", { conditions: [on({ test: { kind: "in", values: ["ann"] } })], send: sendTo(way(["v2"])) }),
      rule("api", {
        conditions: [on({ field: "path", name: "", test: { kind: "prefix", prefix: "/api" } })],
        send: sendTo(way(["v1"])),
      }),
    ];
    const decide = compileRules(rules, home);
    const names = (view: RequestView) => {
      const decision = decide(view, null, everyone);
      return [decision.rules.map(({ name }) => name), decision.chain];
    };
    expect(names(asked({ headers: { "x-user": "ann" }, path: "/api" }))).toEqual([["limit", "ann", "api"], ["v2"]]);
    expect(names(asked({ headers: { "x-user": "ben" }, path: "/api" }))).toEqual([["limit", "api"], ["v1"]]);
    expect(names(asked({ path: "/" }))).toEqual([["limit"], ["all"]]);
  });

  test("a rule that gives way is passed over when nobody there takes requests", () => {
    const rules = [
      rule("new", { send: { ...sendTo(way(["v2"])), next: true } }),
      rule("old", { send: sendTo(way(["v1"])) }),
    ];
    const decide = compileRules(rules, home);
    expect(decide(asked({}), null, everyone).chain).toEqual(["v2"]);
    expect(decide(asked({}), null, (subset) => subset !== "v2")).toMatchObject({ chain: ["v1"], sentBy: 1 });
  });

  test("a ratio sends its share, keeps everybody in place as it grows, and names the lane", () => {
    const users = Array.from({ length: 10_000 }, (_, index) => `user-${index}`);
    const sent = (basisPoints: number) => {
      const ways = [way(["v2"], basisPoints, "gray"), way(["all"], 10_000 - basisPoints)];
      const decide = compileRules([rule("gray", { send: sendTo(...ways) })], home);
      return users.filter((user) => decide(asked({ headers: { "x-user": user } }), null, everyone).lane === "gray");
    };
    const [ten, fifty] = [sent(1000), sent(5000)];
    expect(Math.abs(ten.length - 1000)).toBeLessThan(100);
    expect(Math.abs(fifty.length - 5000)).toBeLessThan(200);
    expect(ten.filter((user) => !fifty.includes(user))).toEqual([]);
    expect(sent(0)).toEqual([]);
    expect(sent(10_000).length).toBe(10_000);
  });

  test.each([
    ["customer.tier", '{"customer":{"tier":"gold"}}', true],
    ["customer.tier", '{"customer":{"tier":"tin"}}', false],
    ["customer.tier", '{"customer":{"tier":["gold"]}}', false],
    ["customer.tier", '{"customer":null}', false],
    ["customer.tier", "gold", false],
    ["customer.tier", "", false],
    ["items.0", '{"items":[7]}', true],
    ["paid", '{"paid":true}', true],
    ["paid", '{"paid":null}', false],
    ["constructor.name", "{}", false],
  ])("%s in the body %s: %j", (name, body, fits) => {
    const condition = on({ field: "body", name, test: { kind: "in", values: ["gold", "7", "true", "Object"] } });
    const { rules } = compileRules([rule("one", { conditions: [condition] })], home)(asked({ body }), null, () => true);
    expect(rules.length === 1).toBe(fits);
  });

  test.each([
    ["prefix", on({ test: { kind: "prefix", prefix: "an" } }), { headers: { "x-user": "ann" } }, true],
    ["not there", on({ test: { kind: "prefix", prefix: "an" } }), {}, false],
    ["not, not there", on({ not: true, test: { kind: "in", values: ["ann"] } }), {}, true],
    ["not", on({ not: true, test: { kind: "in", values: ["ann"] } }), { headers: { "x-user": "ann" } }, false],
    ["present", on({ test: { kind: "present" } }), { headers: { "x-user": "" } }, true],
    ["regex", on({ test: { kind: "regex", regex: "^v[0-9]+$" } }), { headers: { "x-user": "v22" } }, true],
    [
      "network",
      on({ field: "source", name: "", test: { kind: "network", networks: ["10.0.0.0/8"] } }),
      { source: "10.9.9.9" },
      true,
    ],
    ["lane", on({ field: "lane", name: "", test: { kind: "in", values: ["gray"] } }), { lane: "gray" }, true],
    [
      "percent",
      on({ test: { kind: "percent", salt: "gray-shop", basisPoints: 2112 } }),
      { headers: { "x-user": "user-1" } },
      true,
    ],
    [
      "percent, not in",
      on({ test: { kind: "percent", salt: "gray-shop", basisPoints: 2111 } }),
      { headers: { "x-user": "user-1" } },
      false,
    ],
  ])("a condition: %s", (...[, condition, given, fits]) => {
    const decide = compileRules([rule("one", { conditions: [condition], send: sendTo(way(["v2"])) })], home);
    expect(decide(asked(given), null, everyone).rules.length).toBe(fits ? 1 : 0);
  });
});

test.each([
  ["10.0.0.0/8", "10.255.1.1", true],
  ["10.0.0.0/8", "11.0.0.1", false],
  ["10.0.0.0/8", "::ffff:10.0.0.1", true],
  ["0.0.0.0/0", "1.2.3.4", true],
  ["0.0.0.0/0", "::1", false],
  ["2001:db8::/32", "2001:db8:1::7", true],
  ["2001:db8::/32", "2001:db9::1", false],
  ["192.0.2.7", "192.0.2.7", true],
  ["192.0.2.7", "192.0.2.8", false],
])("network %s holds %s: %s", (network, address, holds) => {
  expect(networkTest(canonicalNetwork(network) ?? "")(address)).toBe(holds);
});

test.each([
  "10.0.0.256",
  "10.0.0.0/33",
  "10.0.0/8",
  "::1::",
  "a",
  "",
  "1.2.3.4/",
  "2001:db8::/129",
  "1:2:3:4:5:6:7:8:9",
])("%s is no network", (text) => {
  expect(canonicalNetwork(text)).toBeNull();
});

test("the cell of a request: by where it comes from, else by its share", () => {
  const entry = {
    key: [{ header: "x-user" }],
    cells: [
      { cell: "blue", basisPoints: 5000 },
      { cell: "green", basisPoints: 5000 },
    ],
  };
  const cellOf = cellAtEntry({ callers: [{ address: "10.0.0.9", cell: "green" }], entry });
  expect(cellOf(asked({ source: "10.0.0.9" }))).toBe("green");
  const cells = Array.from({ length: 1000 }, (_, index) => cellOf(asked({ headers: { "x-user": `user-${index}` } })));
  expect(Math.abs(cells.filter((cell) => cell === "blue").length - 500)).toBeLessThan(80);
  expect(cellAtEntry({ callers: [], entry: null })(asked({}))).toBeNull();
});
