import type { Plan } from "@evenkeel/contracts/change-plan";
import { expect, test } from "vitest";
import { movedSince } from "./plan.ts";

type Basis = Plan["basis"];
const was: Basis = [
  { resource: "host/1", version: "1", label: "host local-1" },
  { resource: "slot/1", version: "rev_a", label: "what runs on local-1", shown: "1.0.0" },
];
const moved = (now: Basis): string[] => movedSince({ basis: was } as Plan, now);
const with1 = (more: Partial<Basis[number]>): Basis => [was[0]!, { ...was[1]!, ...more }];

test.each<[string, Basis, string[]]>([
  ["nothing moved", was, []],
  ["versions that people know", with1({ version: "rev_b", shown: "2.0.0" }), ["what runs on local-1 (1.0.0 → 2.0.0)"]],
  [
    "another content of the same version",
    with1({ version: "rev_b" }),
    ["what runs on local-1 (1.0.0, with another content)"],
  ],
  ["a version that nobody knows", [{ ...was[0]!, version: "2" }, was[1]!], ["host local-1"]],
  ["what is gone", [was[0]!], ["what runs on local-1 (gone)"]],
  ["what is new", [...was, { resource: "host/2", version: "1", label: "host late" }], ["host late (new)"]],
])("a plan that is compared with the world tells of %s", (_, now, expected) => {
  expect(moved(now)).toEqual(expected);
});
