import { SplitRule } from "@evenkeel/contracts/module";
import { ModuleOperationSpec } from "@evenkeel/contracts/module-operation";
import { describe, expect, test } from "vitest";
import {
  firstRule,
  freeWhen,
  partsOf,
  type Splits,
  scalarOf,
  scalarText,
  splitSpec,
  splitsOf,
  WHENS,
  whenOfText,
  whensOf,
  whenText,
  withWhens,
  yamlOf,
} from "./draft.ts";

const on = { kind: "route", name: "/prices" } as const;
const RULE = SplitRule.parse({ on, to: [{ version: "1.0.0", weight: 9 }, { version: "2.0.0" }] });
const NOTHING: Splits = { rules: [], businesses: [] };
const place = { workspace: "local", cluster: "front" };

describe("splitting rules in the editor", () => {
  test("a condition on every place comes into the rule and back into its line", () => {
    const lines = WHENS.map((when, index) => ({
      when,
      name: when === "caller" ? "" : when === "segment" ? "2" : `n${index}`,
      equals: `v${index}`,
    }));
    const rule = withWhens(RULE, lines);
    expect(SplitRule.parse(rule)).toEqual(rule);
    expect(whensOf(rule)).toEqual(lines);
    expect(freeWhen(lines)).toBeNull();
    expect(freeWhen(lines.slice(1))).toBe("caller");
  });

  test.each([
    ["gold", "gold"],
    ["7", 7],
    ["true", true],
    ['"7"', "7"],
    ["", ""],
  ])("a value typed as %s is %j, and is shown as it was typed", (typed, value) => {
    expect(scalarOf(typed)).toBe(value);
    expect(scalarText(value)).toBe(typed);
  });

  test("whom a business is for is typed in one line", () => {
    const when = { tier: "gold", level: 3, trial: false, code: "7" };
    expect(whenText(when)).toBe('tier=gold level=3 trial=false code="7"');
    expect(whenOfText(whenText(when))).toEqual(when);
  });

  test("weights are told as parts of all; of nothing nobody gets a part", () => {
    expect(partsOf(RULE)).toEqual([0.9, 0.1]);
    expect(partsOf({ to: RULE.to.map((to) => ({ ...to, weight: 0 })) })).toEqual([0, 0]);
  });

  test.each(["some", "shares"] as const)("what one begins with (%s) is a rule", (form) => {
    for (const versions of [[], ["2.0.0"], ["2.0.0", "1.0.0"]]) {
      const rule = firstRule(form, on, versions);
      expect(SplitRule.parse(rule)).toEqual(rule);
    }
  });

  test("text and form say the same, and what the text leaves out stays", () => {
    const now: Splits = { rules: [RULE], businesses: [{ name: "retail", when: { tier: "gold" }, modules: [] }] };
    expect(splitsOf(yamlOf(now), NOTHING)).toEqual(now);
    expect(splitsOf("rules: []", now)).toEqual({ rules: [], businesses: now.businesses });
    expect(() => splitsOf("rules: [{ to: [] }]", now)).toThrow(/^rules\.0\.on/);
    expect(() => splitsOf("rules: [", now)).toThrow();
  });

  test("only what was altered is in the change; nothing altered is none", () => {
    const now: Splits = { rules: [RULE], businesses: [] };
    expect(splitSpec(place, now, now)).toBeNull();
    const spec = splitSpec(place, NOTHING, now);
    expect(spec).toEqual({ operation: "split", ...place, rules: [RULE] });
    expect(ModuleOperationSpec.safeParse(spec).success).toBe(true);
    expect(splitSpec(place, NOTHING, { ...now, rules: [{ ...RULE, to: [] }] })).toBeNull();
  });
});
