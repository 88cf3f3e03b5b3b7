import type { Plan } from "@evenkeel/contracts/change-plan";
import { isRefusal } from "@evenkeel/contracts/error";
import { Strategy } from "@evenkeel/contracts/strategy";
import fc from "fast-check";
import { expect, test } from "vitest";
import { rearrange } from "./arrange.ts";
import { planDigest } from "./plan.ts";
import { planBatches } from "./strategy.ts";

const NAMES = ["h1", "h2", "h3", "h4"];

function planOf(strategy: object): Plan {
  const targets = NAMES.map((name, index) => ({
    ...{ targetId: name, name, hostId: null, zone: index < 2 ? "a" : "b", cell: "blue", slot: null, online: true },
    ...{ from: null, to: null, stage: [], steps: [], clean: [], reattach: [], facts: {} },
  }));
  const parsed = Strategy.parse(strategy);
  const batches = planBatches(targets, parsed, "g");
  return {
    ...{ kind: "test", title: "test", opening: [], closing: [], targets, locks: [], basis: [], differences: [] },
    groups: [{ groupId: "g", name: "g", after: [], strategy: parsed, batches }],
    ...{ missing: [], warnings: [], irreversible: null, applications: [], fromRevisionId: null, toRevisionId: null },
    ...{ configurationDigest: null, expectedMs: null, payload: null },
  };
}

const arrange = (strategy: object, batches: Readonly<Record<string, readonly string[]>>) =>
  rearrange(planOf(strategy), [
    {
      groupId: "g",
      batches: Object.entries(batches).map(([name, targetIds]) => ({ name, targetIds: [...targetIds] })),
    },
  ]);

const shown = (plan: ReturnType<typeof rearrange>) =>
  isRefusal(plan)
    ? plan.facts.problem
    : plan.groups[0]?.batches.map(({ name, targetIds, gate, beta }) => [name, targetIds.join(" "), gate, beta]);

const byZone = { batches: { by: "zone" } };

test("batches may be moved, merged and split; the plan has another digest then", () => {
  const plan = arrange(byZone, { first: ["h1", "h3"], second: ["h2"], third: ["h4"] });
  expect(shown(plan)).toEqual([
    ["first", "h1 h3", null, false],
    ["second", "h2", null, false],
    ["third", "h4", null, false],
  ]);
  expect(planDigest(plan as Plan)).not.toBe(planDigest(planOf(byZone)));
});

test("`each` goes by the new places; a batch made of beta hosts alone is the beta still", () => {
  const strategy = { ...byZone, beta: 2, confirm: "each" };
  expect(shown(arrange(strategy, { one: ["h1"], two: ["h2"], rest: ["h3", "h4"] }))).toEqual([
    ["one", "h1", null, true],
    ["two", "h2", "start", true],
    ["rest", "h3 h4", "start", false],
  ]);
});

test("a listed confirmation follows the hosts for which it was asked", () => {
  const strategy = { batches: "each", confirm: ["batch 3"] };
  expect(shown(arrange(strategy, { one: ["h1", "h2"], two: ["h4"], three: ["h3"] }))).toEqual([
    ["one", "h1 h2", null, false],
    ["two", "h4", null, false],
    ["three", "h3", "start", false],
  ]);
});

test.each([
  [byZone, { one: ["h1", "h2", "h3"] }, "groups.g: h4 is in no batch"],
  [byZone, { one: ["h1", "h2", "h3", "h4", "h9"] }, "groups.g: h9 is not a target of this group"],
  [byZone, { one: ["h1", "h2"], two: ["h2", "h3", "h4"] }, "groups.g: a target stands in two batches"],
  [{ cap: 2 }, { one: ["h1", "h2", "h3"], two: ["h4"] }, "batch one: 3 hosts are more than cap 2"],
  [
    { maxCellPercent: 50 },
    { one: ["h1", "h2", "h3"], two: ["h4"] },
    "batch one: 3 hosts of cell blue are more than maxCellPercent 50 allows (2)",
  ],
])("with %j the arrangement %j is refused: %s", (strategy, batches, problem) => {
  expect(shown(arrange(strategy, batches as Record<string, string[]>))).toBe(problem);
});

test("two batches of one name, and a group that does not exist, are refused", () => {
  const twice = {
    groupId: "g",
    batches: [
      ["h1", "h2"],
      ["h3", "h4"],
    ].map((targetIds) => ({ name: "one", targetIds })),
  };
  expect(shown(rearrange(planOf(byZone), [twice]))).toBe("groups.g: two batches are called one");
  expect(shown(rearrange(planOf(byZone), [{ ...twice, groupId: "x" }]))).toBe("there is no group x");
});

test("whatever is arranged covers exactly the targets within the limits, or is refused", () => {
  const places = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 3, maxLength: 5 });
  fc.assert(
    fc.property(places, fc.integer({ min: 1, max: 4 }), (at, cap) => {
      const named = ["h1", "h2", "h3", "h4", "h2"].slice(0, at.length);
      const wanted = Object.fromEntries([...Map.groupBy(named, (_, index) => `b${at[index]}`)]);
      const plan = arrange({ cap }, wanted);
      if (isRefusal(plan)) {
        const sizes = Object.values(wanted).map((ids) => ids.length);
        expect(named.length !== NAMES.length || Math.max(...sizes) > cap).toBe(true);
        return;
      }
      const batches = plan.groups[0]?.batches ?? [];
      expect(batches.flatMap(({ targetIds }) => targetIds).sort()).toEqual(NAMES);
      expect(batches.every(({ targetIds }) => targetIds.length <= cap)).toBe(true);
    }),
  );
});
