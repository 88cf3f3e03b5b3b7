import { isRefusal } from "@evenkeel/contracts/error";
import { SetTrafficRule } from "@evenkeel/contracts/traffic-rule";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { refuseRules } from "./check.ts";
import { regexProblem } from "./regex.ts";

const known = {
  ...{ versions: new Set(["1.0.0", "2.0.0"]), cells: new Set(["blue"]) },
  ...{ hosts: new Set(["h1"]), baseClusters: new Set(["front"]) },
};
const all = { to: [{ to: { version: "2.0.0" } }] };
type Given = Partial<z.input<typeof SetTrafficRule>>;
const rule = (name: string, given: Given) => SetTrafficRule.parse({ name, service: "shop", send: all, ...given });
const check = (...given: SetTrafficRule[]) => {
  const refusal = refuseRules(given, new Set(given.map(({ name }) => name)), known);
  return isRefusal(refusal) ? refusal.refused : null;
};
const user = (value: object) => ({ header: "x-user", ...value });

describe("rules that cannot be are refused", () => {
  test.each<[string, Given, string | null]>([
    ["a version that is known", {}, null],
    ["a version that nobody uploaded", { send: { to: [{ to: { version: "9" } }] } }, "RULE_TARGET_UNKNOWN"],
    ["a cell that is none", { send: { to: [{ to: { cell: "red" } }] } }, "RULE_TARGET_UNKNOWN"],
    ["a base-cluster that is none", { send: { to: [{ to: { baseCluster: "back" } }] } }, "RULE_TARGET_UNKNOWN"],
    ["a host that is none", { send: { to: [{ to: { hosts: ["h9"] } }] } }, "RULE_TARGET_UNKNOWN"],
    ["a mirror to nowhere", { send: undefined, mirror: { to: { version: "9" } } }, "RULE_TARGET_UNKNOWN"],
    [
      "shares of 90 %",
      {
        send: {
          to: [
            { to: {}, percent: 60 },
            { to: { version: "2.0.0" }, percent: 30 },
          ],
        },
      },
      "RULE_SHARES_WRONG",
    ],
    [
      "shares of 100 %",
      {
        send: {
          to: [
            { to: {}, percent: 99.99 },
            { to: { version: "2.0.0" }, percent: 0.01 },
          ],
        },
      },
      null,
    ],
    ["a pattern that explodes", { match: [user({ regex: "(a+)+$" })] }, "RULE_REGEX_UNSAFE"],
    ["a pattern that does not", { match: [user({ regex: "^a+$" })] }, null],
    ["a path without its slash", { match: [{ field: "path", prefix: "checkout" }] }, "RULE_NEVER_MATCHES"],
    ["a path with a query", { match: [{ field: "path", in: ["/a", "/a?b=c"] }] }, "RULE_NEVER_MATCHES"],
    ["all but a path that is none", { match: [{ field: "path", exact: "a", not: true }] }, null],
    ["a path with a blank, which is sent encoded", { match: [{ field: "path", exact: "/a b" }] }, null],
    ["a method in small letters", { match: [{ field: "method", exact: "get" }] }, "RULE_NEVER_MATCHES"],
    ["a header's value with a blank at its end", { match: [user({ exact: "ann " })] }, "RULE_NEVER_MATCHES"],
    ["two values at once", { match: [user({ exact: "ann" }), user({ exact: "ben" })] }, "RULE_NEVER_MATCHES"],
    ["a value and none", { match: [user({ exact: "ann" }), user({ present: false })] }, "RULE_NEVER_MATCHES"],
    [
      "a value that another condition forbids",
      { match: [user({ exact: "ann" }), user({ in: ["ann"], not: true })] },
      "RULE_NEVER_MATCHES",
    ],
    ["two prefixes, one of the other", { match: [user({ prefix: "a" }), user({ prefix: "an" })] }, null],
    ["two prefixes at once", { match: [user({ prefix: "a" }), user({ prefix: "b" })] }, "RULE_NEVER_MATCHES"],
    ["nobody's share", { match: [user({ percent: 0 })] }, "RULE_NEVER_MATCHES"],
    [
      "two networks at once",
      {
        match: [
          { field: "source", in: ["10.0.0.0/8"] },
          { field: "source", exact: "11.0.0.1" },
        ],
      },
      "RULE_NEVER_MATCHES",
    ],
    ["an address that is none", { match: [{ field: "source", exact: "10.0.0.300" }] }, "INPUT_INVALID"],
    ["a source by prefix", { match: [{ field: "source", prefix: "10." }] }, "INPUT_INVALID"],
  ])("%s", (_, given, refused) => {
    expect(check(rule("one", given))).toBe(refused);
  });

  const ann = [user({ exact: "ann" })];
  test.each<[string, Given, Given, string | null]>([
    ["the same priority for all and for one", { match: ann }, {}, "RULE_CONFLICT"],
    ["the same priority for two users", { match: ann }, { match: [user({ exact: "ben" })] }, null],
    [
      "the same priority, with and without the field",
      { match: [user({ present: true })] },
      { match: [user({ present: false })] },
      null,
    ],
    ["one for all in front of one for a user", { priority: 1 }, { priority: 2, match: ann }, "RULE_NEVER_MATCHES"],
    ["one for a user in front of one for all", { priority: 1, match: ann }, { priority: 2 }, null],
    [
      "one that gives way in front",
      { priority: 1, send: { ...all, fallback: "next" } },
      { priority: 2, match: ann },
      null,
    ],
    [
      "a list in front of one of its values",
      { priority: 1, match: [user({ in: ["ann", "ben"] })] },
      { priority: 2, match: ann },
      "RULE_NEVER_MATCHES",
    ],
    [
      "a value in front of a list with it",
      { priority: 1, match: ann },
      { priority: 2, match: [user({ in: ["ann", "ben"] })] },
      null,
    ],
    [
      "a shorter prefix in front",
      { priority: 1, match: [user({ prefix: "a" })] },
      { priority: 2, match: [user({ prefix: "an" })] },
      "RULE_NEVER_MATCHES",
    ],
    [
      "a pattern in front of a value that fits it",
      { priority: 1, match: [user({ regex: "^a" })] },
      { priority: 2, match: ann },
      "RULE_NEVER_MATCHES",
    ],
    [
      "a wider network in front",
      { priority: 1, match: [{ field: "source", in: ["10.0.0.0/8"] }] },
      { priority: 2, match: [{ field: "source", in: ["10.1.0.0/16"] }] },
      "RULE_NEVER_MATCHES",
    ],
    [
      "one that only limits in front",
      { priority: 1, send: undefined, rateLimit: { requests: 1 } },
      { priority: 2, match: ann },
      null,
    ],
  ])("%s", (...[, one, other, refused]) => {
    expect(check(rule("one", one), rule("two", other))).toBe(refused);
  });

  test("what stood there before is looked at beside what is changed only", () => {
    const rules = [
      rule("old", { send: { to: [{ to: { version: "gone" } }] } }),
      rule("new", { priority: 1, match: ann }),
    ];
    expect(refuseRules(rules, new Set(["new"]), known)).toBeNull();
  });
});

test.each(["^v[0-9]+$", "^(gray|beta)-[a-z]{1,10}$", "(?:a|b)c", "^\\d{3}\\.", "^[^/]+/x$"])(
  "the pattern %s is taken",
  (pattern) => {
    expect(regexProblem(pattern)).toBeNull();
  },
);

test.each([
  "(a+)+$",
  "(a|a)*b",
  "a*a*b",
  "(.*)*x",
  "(?=a)",
  "(?<n>a)",
  "(?i)a",
  "(a)\\1",
  "\\p{L}",
  "(",
  "a{2,1}",
  "\\",
  "\\x41",
])("the pattern %s is refused", (pattern) => {
  expect(regexProblem(pattern)).not.toBeNull();
});
