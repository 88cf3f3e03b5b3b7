import { Business, SplitRule } from "@evenkeel/contracts/module";
import { expect, test } from "vitest";
import { reportOf } from "../placement/testing.ts";
import { idleShares, splitDifferences } from "./preview.ts";

const none = { rules: [], businesses: [] };
const on = { kind: "route", name: "/prices" } as const;
const ruleOf = (rest: object): SplitRule => SplitRule.parse({ on, to: [{}], ...rest });
const newest = "all → 100 % to the newest version";

test.each<[what: string, rule: object, text: string]>([
  [
    "shares by weight",
    { to: [{ version: "1.0.0", weight: 2 }, { version: "1.1.0" }] },
    "all → 66.7 % to 1.0.0, 33.3 % to 1.1.0",
  ],
  ["tags", { to: [{ tags: { gray: "10" } }] }, "all → 100 % to gray=10"],
  [
    "every condition",
    {
      when: {
        caller: "cart",
        header: { name: "x-user", equals: "ann" },
        query: { name: "q", equals: "1" },
        segment: { index: 0, equals: "de" },
        body: { path: "a.b", equals: true },
      },
      to: [{ version: "1.1.0" }],
    },
    "caller = cart and header x-user = ann and query q = 1 and segment 0 = de and body a.b = true → 100 % to 1.1.0",
  ],
  [
    "what stays with one version",
    { to: [{ version: "1.1.0" }], stickyBy: "header", stickyOn: "x-user" },
    "all → 100 % to 1.1.0, the same header x-user always the same",
  ],
])("a split tells who gets which share before and after: %s", (_, rule, text) => {
  expect(splitDifferences(none, { rules: [ruleOf(rule)] })).toEqual([
    { field: "route /prices", from: newest, to: text },
  ]);
});

test("what goes away and what stays: only what becomes different is told, in the order in which rules are asked", () => {
  const some = ruleOf({ when: { caller: "cart" }, to: [{ version: "1.1.0" }] });
  const rest = ruleOf({ to: [{ version: "1.0.0" }] });
  const other = ruleOf({ on: { kind: "event", name: "order-paid" }, to: [{ version: "1.0.0" }] });
  expect(splitDifferences({ rules: [some, rest, other], businesses: [] }, { rules: [rest, other] })).toEqual([
    {
      field: "route /prices",
      from: "caller = cart → 100 % to 1.1.0; all → 100 % to 1.0.0",
      to: "all → 100 % to 1.0.0",
    },
  ]);
  expect(splitDifferences({ rules: [other], businesses: [] }, { rules: [] })).toEqual([
    { field: "event order-paid", from: "all → 100 % to 1.0.0", to: null },
  ]);
  expect(splitDifferences({ rules: [other], businesses: [] }, {})).toEqual([]);
});

test("businesses tell who they are for and which modules take part", () => {
  const [retail, wholesale] = [
    { name: "retail", modules: ["prices"] },
    { name: "retail", when: { tier: "b2b" } },
  ].map((business) => Business.parse(business));
  const before = { rules: [], businesses: [retail as Business] };
  expect(splitDifferences(before, { businesses: [wholesale as Business] })).toEqual([
    { field: "business retail", from: "all → modules prices", to: "tier = b2b → modules all that provide" },
  ]);
});

test("a share of what nobody in the cluster has published is warned of: others get it", () => {
  const rules = [
    ruleOf({ to: [{ version: "1.0.0", weight: 9 }, { version: "2.0.0" }, { version: "3.0.0", weight: 0 }] }),
    ruleOf({ to: [{ tags: { gray: "10" } }] }),
  ];
  const modules = ["prices 1.0.0 published /prices", "prices 2.0.0 active /prices", "cart 2.0.0 published /cart"];
  expect(idleShares("front", rules, modules.map(reportOf))).toEqual([
    "route /prices: no base of front has published 2.0.0; its share goes to others",
    "route /prices: no base of front has published gray=10; its share goes to others",
  ]);
  expect(idleShares("front", [ruleOf({ to: [{}] })], modules.map(reportOf))).toEqual([]);
});
