import { Strategy } from "@evenkeel/contracts/strategy";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allowedFailures, type BatchTarget, planBatches } from "./strategy.ts";

const targets = (count: number, zones = 2): BatchTarget[] =>
  Array.from({ length: count }, (_, index) => ({
    targetId: `t${index + 1}`,
    zone: "abcdef"[Math.floor((index * zones) / count)] ?? "a",
    cell: null,
  }));

const ids = (count: number, strategy: object) =>
  planBatches(targets(count), Strategy.parse(strategy), "g").map((batch) => batch.targetIds.join(" "));

describe("targets become batches", () => {
  test.each([
    [{ batches: { count: 3 } }, 7, ["t1 t2", "t3 t4", "t5 t6 t7"]],
    [{ batches: { count: 9 } }, 3, ["t1", "t2", "t3"]],
    [{ batches: { size: 2 } }, 5, ["t1 t2", "t3 t4", "t5"]],
    [{ batches: { percent: 25 } }, 5, ["t1 t2", "t3 t4", "t5"]],
    [{ batches: { percent: 100 } }, 3, ["t1 t2 t3"]],
    [{ batches: { by: "zone" } }, 4, ["t1 t2", "t3 t4"]],
    [{ batches: "each" }, 3, ["t1", "t2", "t3"]],
    [{ batches: "all" }, 3, ["t1 t2 t3"]],
    [{ beta: 1, batches: { by: "zone" } }, 4, ["t1", "t2", "t3 t4"]],
    [{ beta: 2, batches: { by: "zone" } }, 4, ["t1 t2", "t3 t4"]],
    [{ beta: 9, batches: "all" }, 3, ["t1 t2 t3"]],
  ])("%j of %i targets gives %j", (strategy, count, expected) => {
    expect(ids(count, strategy)).toEqual(expected);
  });

  test("every target stands in exactly one batch, whatever the strategy", () => {
    const batching = fc.oneof(
      fc.constantFrom("each", "all"),
      fc.record({ count: fc.integer({ min: 1, max: 50 }) }),
      fc.record({ size: fc.integer({ min: 1, max: 50 }) }),
      fc.record({ percent: fc.integer({ min: 1, max: 100 }) }),
      fc.constant({ by: "zone" }),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 0, max: 70 }),
        batching,
        (count, beta, batches) => {
          const all = planBatches(targets(count), Strategy.parse({ beta, batches }), "g").flatMap(
            (one) => one.targetIds,
          );
          expect([...all].sort()).toEqual(
            targets(count)
              .map(({ targetId }) => targetId)
              .sort(),
          );
        },
      ),
    );
  });

  test.each([
    ["none", [null, null, null]],
    ["first", [null, "start", null]],
    ["each", [null, "start", "start"]],
  ])("a confirmation `%s` stands before %j", (confirm, gates) => {
    const batches = planBatches(targets(4), Strategy.parse({ beta: 1, batches: { by: "zone" }, confirm }), "g");
    expect(batches.map(({ gate }) => gate)).toEqual(gates);
  });
});

test.each([
  [0, 10, 0],
  [2, 10, 2],
  ["10%", 20, 2],
  ["10%", 5, 0],
])("a budget of %s over %i targets allows %i failures", (failures, total, allowed) => {
  expect(allowedFailures({ failures, action: "stop" }, total)).toBe(allowed);
});
