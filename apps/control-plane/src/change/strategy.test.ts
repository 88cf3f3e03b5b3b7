import { Strategy } from "@evenkeel/contracts/strategy";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allowedFailures, type BatchTarget, limitsOf, planBatches } from "./strategy.ts";

const targets = (count: number, zones = 2): BatchTarget[] =>
  Array.from({ length: count }, (_, index) => ({
    targetId: `t${index + 1}`,
    name: `t${index + 1}`,
    zone: "abcdef"[Math.floor((index * zones) / count)] ?? "a",
    cell: index % 2 === 0 ? "blue" : "green",
    labels: { rack: `r${10 - index}` },
  }));

const batchesOf = (count: number, strategy: object) => planBatches(targets(count), Strategy.parse(strategy), "g");
const ids = (count: number, strategy: object) => batchesOf(count, strategy).map((batch) => batch.targetIds.join(" "));

describe("targets become batches", () => {
  test.each([
    [{ batches: { count: 3 } }, 7, ["t1 t2", "t3 t4", "t5 t6 t7"]],
    [{ batches: { count: 9 } }, 3, ["t1", "t2", "t3"]],
    [{ batches: { size: 2 } }, 5, ["t1 t2", "t3 t4", "t5"]],
    [{ batches: { percent: 25 } }, 5, ["t1 t2", "t3 t4", "t5"]],
    [{ batches: { percent: 100 } }, 3, ["t1 t2 t3"]],
    [{ batches: { by: "zone" } }, 4, ["t1 t2", "t3 t4"]],
    [{ batches: { by: "cell" } }, 4, ["t1 t3", "t2 t4"]],
    [{ batches: "each" }, 3, ["t1", "t2", "t3"]],
    [{ batches: "all" }, 3, ["t1 t2 t3"]],
    [{ beta: 1, batches: { by: "zone" } }, 4, ["t1", "t2", "t3 t4"]],
    [{ beta: 2, batches: { by: "zone" } }, 4, ["t1 t2", "t3 t4"]],
    [{ beta: 9, batches: "all" }, 3, ["t1 t2 t3"]],
    [{ beta: ["t4", "t2"], batches: { by: "zone" } }, 4, ["t2 t4", "t1", "t3"]],
    [{ batches: "all", cap: 2 }, 5, ["t1 t2", "t3 t4", "t5"]],
    [{ batches: { count: 2 }, cap: 2 }, 6, ["t1 t2", "t3", "t4 t5", "t6"]],
    [{ batches: "all", maxCellPercent: 50 }, 6, ["t1 t2", "t3 t4", "t5 t6"]],
    [{ batches: "all", maxCellPercent: 1 }, 4, ["t1 t2", "t3 t4"]],
    [{ batches: { by: "cell" }, maxCellPercent: 50 }, 8, ["t1 t3", "t5 t7", "t2 t4", "t6 t8"]],
  ])("%j of %i targets gives %j", (strategy, count, expected) => {
    expect(ids(count, strategy)).toEqual(expected);
  });

  test.each([
    [[{ zones: ["b"] }], "t3 t4 t1 t2"],
    [[{ cells: ["green", "blue"] }], "t2 t4 t1 t3"],
    [[{ hosts: ["t3", "t1"] }], "t3 t1 t2 t4"],
    [[{ label: "rack" }], "t4 t3 t2 t1"],
    [[{ label: "rack", values: ["r9"] }], "t2 t1 t3 t4"],
    [[{ label: "nothing" }], "t1 t2 t3 t4"],
    [[{ cells: ["green"] }, { zones: ["b", "a"] }], "t4 t2 t3 t1"],
  ])("the order %j gives %s", (order, expected) => {
    expect(ids(4, { batches: "all", order })).toEqual([expected]);
  });

  test("the order decides who is in the beta, and which zone is the first batch", () => {
    const strategy = { beta: 1, batches: { by: "zone" }, order: [{ zones: ["b"] }] };
    expect(ids(4, strategy)).toEqual(["t3", "t4", "t1 t2"]);
  });

  test("where a target is called by service and host, the host is what a strategy lists", () => {
    const named = targets(3).map((target) => ({ ...target, name: `shop@${target.name}`, hostName: target.name }));
    const strategy = Strategy.parse({ beta: ["t3"], order: [{ hosts: ["t2"] }] });
    expect(planBatches(named, strategy, "g").map(({ targetIds }) => targetIds)).toEqual([["t3"], ["t2", "t1"]]);
  });

  test("a batch is called by its zone, else by its place; one that was too large by its parts", () => {
    const names = (strategy: object) => batchesOf(6, strategy).map(({ name }) => name);
    expect(names({ beta: 1, batches: { size: 3 } })).toEqual(["beta", "batch 2", "batch 3"]);
    expect(names({ batches: { by: "zone" }, cap: 2 })).toEqual([
      "zone a (1)",
      "zone a (2)",
      "zone b (1)",
      "zone b (2)",
    ]);
    expect(names({ batches: "all" })).toEqual(["batch 1"]);
  });

  test.each([
    [{ confirm: "none" }, [null, null, null]],
    [{ confirm: "first" }, [null, "start", null]],
    [{ confirm: "each" }, [null, "start", "start"]],
    [{ confirm: ["zone b", 1] }, ["start", null, "start"]],
    [{ confirm: "first", gate: "traffic" }, ["traffic", null, null]],
    [{ confirm: "each", gate: "traffic" }, ["traffic", "traffic", "traffic"]],
    [{ confirm: [3], gate: "traffic" }, [null, null, "traffic"]],
  ])("a confirmation %j stands at %j", (confirm, gates) => {
    const batches = batchesOf(4, { beta: 1, batches: { by: "zone" }, ...confirm });
    expect(batches.map(({ gate }) => gate)).toEqual(gates);
  });
});

const batching = fc.oneof(
  fc.constantFrom("each", "all"),
  fc.record({ count: fc.integer({ min: 1, max: 50 }) }),
  fc.record({ size: fc.integer({ min: 1, max: 50 }) }),
  fc.record({ percent: fc.integer({ min: 1, max: 100 }) }),
  fc.record({ by: fc.constantFrom("zone", "cell") }),
);
const someTargets = fc
  .array(fc.record({ zone: fc.constantFrom("a", "b", "c"), cell: fc.constantFrom("x", "y", null) }), {
    minLength: 1,
    maxLength: 40,
  })
  .map((places) =>
    places.map((place, index): BatchTarget => ({ ...place, targetId: `t${index + 1}`, name: `t${index + 1}` })),
  );
const someStrategy = fc.record(
  {
    beta: fc.oneof(
      fc.integer({ min: 0, max: 45 }),
      fc.uniqueArray(fc.integer({ min: 1, max: 45 }), { minLength: 1 }).map((list) => list.map((n) => `t${n}`)),
    ),
    batches: batching,
    cap: fc.integer({ min: 1, max: 12 }),
    maxCellPercent: fc.integer({ min: 1, max: 100 }),
    order: fc.constantFrom([], [{ zones: ["c", "a"] }], [{ hosts: ["t7", "t2"] }, { cells: ["y"] }]),
    confirm: fc.constantFrom("none", "first", "each", [1, 3]),
    gate: fc.constantFrom("start", "traffic"),
  },
  { requiredKeys: [] },
);

describe("whatever the strategy and the targets", () => {
  test("every target stands in exactly one batch, and no batch is empty", () => {
    fc.assert(
      fc.property(someTargets, someStrategy, (all, strategy) => {
        const batches = planBatches(all, Strategy.parse(strategy), "g");
        expect(batches.flatMap(({ targetIds }) => targetIds).sort()).toEqual(
          all.map(({ targetId }) => targetId).sort(),
        );
        expect(batches.every(({ targetIds }) => targetIds.length > 0)).toBe(true);
        expect(new Set(batches.map(({ batchId }) => batchId)).size).toBe(batches.length);
      }),
    );
  });

  test("no batch exceeds cap or share of a cell, the beta included", () => {
    fc.assert(
      fc.property(someTargets, someStrategy, (all, wished) => {
        const strategy = Strategy.parse(wished);
        const limits = limitsOf(all, strategy);
        const cellOf = new Map(all.map(({ targetId, cell }) => [targetId, cell]));
        for (const { targetIds } of planBatches(all, strategy, "g")) {
          expect(targetIds.length).toBeLessThanOrEqual(strategy.cap ?? all.length);
          for (const [cell, its] of Map.groupBy(targetIds, (id) => cellOf.get(id) ?? null)) {
            const total = all.filter((target) => target.cell === cell).length;
            const share = strategy.maxCellPercent ?? 100;
            expect(its.length).toBeLessThanOrEqual(Math.max(1, (total * share) / 100));
            expect(its.length).toBeLessThanOrEqual(limits.ofCell.get(cell) ?? total);
          }
        }
      }),
    );
  });

  test("without limits count, size, percent, zone, each and all give exactly as many batches as they say", () => {
    fc.assert(
      fc.property(someTargets, batching, (all, batches) => {
        const n = all.length;
        const made = planBatches(all, Strategy.parse({ batches }), "g").map(({ targetIds }) => targetIds.length);
        const wanted = {
          each: n,
          all: 1,
          count: Math.min(n, (batches as { count: number }).count),
          size: Math.ceil(n / (batches as { size: number }).size),
          percent: Math.ceil(n / Math.ceil((n * (batches as { percent: number }).percent) / 100)),
          by: new Set(all.map((target) => target[(batches as { by: "zone" | "cell" }).by])).size,
        };
        const key = typeof batches === "string" ? batches : Object.keys(batches)[0];
        expect(made.length).toBe(wanted[key as keyof typeof wanted]);
        if (key === "count") expect(Math.max(...made) - Math.min(...made)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

test.each([
  [0, 10, 0],
  [2, 10, 2],
  ["10%", 20, 2],
  ["10%", 5, 0],
  ["100%", 5, 5],
])("a budget of %s over %i targets allows %i failures", (failures, total, allowed) => {
  expect(allowedFailures({ failures, action: "stop" }, total)).toBe(allowed);
});

test.each([
  { cap: 0 },
  { maxCellPercent: 101 },
  { budget: { failures: "101%" } },
  { batches: { percent: 150 } },
  { beta: -1 },
  { beta: [] },
  { confirm: [] },
  { confirm: [0] },
  { order: [{ zones: [] }] },
  { stageAtOnce: 0 },
  { progressDeadlineSeconds: 0 },
])("a strategy with %j is refused", (strategy) => {
  expect(Strategy.safeParse(strategy).success).toBe(false);
});
