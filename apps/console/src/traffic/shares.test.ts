import type { Topology } from "@evenkeel/client/topology";
import { describe, expect, test } from "vitest";
import { bandsOf, type ServiceShares, sharesOf } from "./shares.ts";
import { likelyWeights, partsOf } from "./weights.ts";

interface Given {
  readonly cells?: boolean;
  readonly rates?: readonly (readonly [string | null, string, number, number])[];
}

/** A shop with version 1 on two hosts and version 2 on one that drains. */
function world({ cells = false, rates = [] }: Given): Topology {
  const instance = (host: string, version: string, traffic: string) => ({
    ...{ instance: `shop/${host}/a`, serviceId: "shop", hostId: host, version, state: "healthy", traffic },
  });
  return {
    services: [
      { serviceId: "shop", name: "shop", routes: ["shop.localhost"] },
      { serviceId: "job", name: "job", routes: [] },
    ],
    hosts: ["h1", "h2", "h3"].map((hostId, index) => ({ hostId, cell: cells ? (index < 2 ? "blue" : "green") : null })),
    instances: [
      instance("h1", "1.0.0", "attached"),
      instance("h2", "1.0.0", "attached"),
      instance("h3", "2.0.0", "draining"),
    ],
    rates: rates.map(([instance_, version, requestsPerSecond, failedPerSecond]) => ({
      ...{ serviceId: "shop", instance: instance_, version, requestsPerSecond, failedPerSecond },
    })),
  } as unknown as Topology;
}

const short = ({ shares }: ServiceShares) =>
  shares.map(({ version, cell, instances, part }) => [version, cell, instances, Math.round(100 * part)]);

describe("who gets which share", () => {
  test("by the requests of now, also on an instance that drains", () => {
    const rates = [
      ["shop/h1/a", "1.0.0", 50, 0],
      ["shop/h2/a", "1.0.0", 40, 0],
      ["shop/h3/a", "2.0.0", 10, 5],
    ] as const;
    const [shop, ...others] = sharesOf(world({ rates: [...rates, [null, "", 2, 2]] }));
    expect(others).toEqual([]);
    expect(shop).toMatchObject({ requestsPerSecond: 100, lostPerSecond: 2 });
    expect(shop && short(shop)).toEqual([
      ["1.0.0", null, 2, 90],
      ["2.0.0", null, 0, 10],
    ]);
  });

  test("by instances while nobody asks, cell by cell where there are any", () => {
    const [shop] = sharesOf(world({ cells: true }));
    expect(shop && short(shop)).toEqual([["1.0.0", "blue", 2, 100]]);
  });

  test("the bands of a picture fill the service's side and do not lie on each other", () => {
    const rates = [
      ["shop/h1/a", "1.0.0", 60, 0],
      ["shop/h3/a", "2.0.0", 40, 0],
    ] as const;
    const [shop] = sharesOf(world({ rates }));
    const { bands, height } = bandsOf(shop as ServiceShares);
    const [one, two] = bands;
    expect(one && two && one.from.y + one.from.thick).toBeCloseTo(two?.from.y ?? 0);
    expect(one && two && one.to.y + one.to.thick).toBeLessThan(two?.to.y ?? 0);
    expect((two?.to.y ?? 0) + (two?.to.thick ?? 0)).toBeLessThanOrEqual(height);
  });
});

describe("the weights of cells", () => {
  const cell = (name: string, weight: number, gray = false) => ({ name: name as never, weight, gray });

  test("a cell's part is its weight in the sum; a gray one has none", () => {
    const parts = partsOf([cell("blue", 3), cell("green", 1), cell("trial", 50, true)]);
    expect([...parts]).toEqual([
      ["blue", 0.75],
      ["green", 0.25],
      ["trial", 0],
    ]);
    expect([...partsOf([cell("blue", 0)])]).toEqual([["blue", 0]]);
  });

  test("of two cells the other one is offered; else everything as it is", () => {
    expect(likelyWeights([cell("blue", 100), cell("green", 0)])).toEqual({ blue: 0, green: 100 });
    expect(likelyWeights([cell("blue", 50), cell("green", 50)])).toEqual({ blue: 50, green: 50 });
    expect(likelyWeights([cell("a", 1), cell("b", 0), cell("c", 0)])).toEqual({ a: 1, b: 0, c: 0 });
  });
});
