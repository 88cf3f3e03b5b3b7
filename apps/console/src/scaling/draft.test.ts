import { expect, test } from "vitest";
import { bandOf, FIRST_SCALING, ruleOf } from "./draft.ts";

const draft = { ...FIRST_SCALING, name: "load", cluster: "front", module: "prices" };

test("a filled form is the rule that the API takes, without what was left to it", () => {
  expect(ruleOf("local", draft)).toMatchObject({ workspace: "local", cluster: "front", module: "prices", above: 200 });
  expect(ruleOf("local", draft)).not.toHaveProperty("buffer");
  expect(ruleOf("local", { ...draft, buffer: "warm" })).toMatchObject({ buffer: "warm" });
});

test.each([
  ["fewer above more", { below: 200 }],
  ["at least more than at most", { minBases: 5 }],
  ["no module", { module: "" }],
  ["a look shorter than the platform measures", { stabilisationSeconds: 5 }],
])("%s is no rule", (_, wrong) => {
  expect(ruleOf("local", { ...draft, ...wrong })).toBeNull();
});

test("what was measured stands on the line, also far beyond the thresholds", () => {
  expect(bandOf({ above: 80, below: 20 }, 50)).toEqual({ below: 0.2, above: 0.8, value: 0.5 });
  const far = bandOf({ above: 80, below: 20 }, 800);
  expect(far.value).toBeLessThan(1);
  expect(far.above).toBeLessThan(far.value ?? 0);
  expect(bandOf({ above: 80, below: 20 }, null).value).toBeNull();
});
