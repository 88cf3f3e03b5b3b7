import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { binomial, dispersionOf, effective, fisher, logFactorial } from "./significance.ts";

const choose = (n: number, k: number): bigint => {
  let result = 1n;
  for (let i = 0; i < k; i += 1) result = (result * BigInt(n - i)) / BigInt(i + 1);
  return result;
};
const SCALE = 10n ** 15n;

/** The same in whole numbers, term by term. */
function exactFisher(one: { hits: number; of: number }, other: { hits: number; of: number }): number {
  const hits = one.hits + other.hits;
  const all = one.of + other.of;
  let ways = 0n;
  for (let k = one.hits; k <= Math.min(hits, one.of); k += 1) {
    if (hits - k <= other.of) ways += choose(one.of, k) * choose(other.of, hits - k);
  }
  return Number((ways * SCALE) / choose(all, hits)) / Number(SCALE);
}

describe("Fisher's exact test", () => {
  test("agrees with the tables of the books", () => {
    // The lady tasting tea: 17 of 70.
    expect(fisher({ hits: 3, of: 4 }, { hits: 1, of: 4 })).toBeCloseTo(17 / 70, 12);
    expect(fisher({ hits: 4, of: 4 }, { hits: 0, of: 4 })).toBeCloseTo(1 / 70, 12);
    // Convictions of like-sex twins (Fisher 1935): 10 of 13 against 2 of 17.
    expect(fisher({ hits: 10, of: 13 }, { hits: 2, of: 17 })).toBeCloseTo(0.000_465_2, 7);
  });

  test("agrees with whole numbers counted term by term", () => {
    const side = fc
      .record({ of: fc.integer({ min: 1, max: 120 }), part: fc.double({ min: 0, max: 1, noNaN: true }) })
      .map(({ of, part }) => ({ hits: Math.floor(of * part), of }));
    fc.assert(
      fc.property(side, side, (one, other) => {
        expect(fisher(one, other)).toBeCloseTo(exactFisher(one, other), 9);
      }),
    );
  });

  test("no hits at all prove nothing, and large counts end soon", () => {
    expect(fisher({ hits: 0, of: 1000 }, { hits: 5, of: 1000 })).toBe(1);
    expect(fisher({ hits: 0, of: 0 }, { hits: 5, of: 1000 })).toBe(1);
    const large = fisher({ hits: 50_600, of: 1_000_000 }, { hits: 150_000, of: 3_000_000 });
    // By the normal approximation: z = 2.38.
    expect(large).toBeGreaterThan(0.008);
    expect(large).toBeLessThan(0.0092);
  });
});

describe("the binomial test", () => {
  test("agrees with known values", () => {
    expect(binomial({ hits: 8, of: 10 }, 0.5)).toBeCloseTo(56 / 1024, 12);
    expect(binomial({ hits: 1, of: 20 }, 0.05)).toBeCloseTo(1 - 0.95 ** 20, 12);
    expect(binomial({ hits: 0, of: 20 }, 0.05)).toBe(1);
    expect(binomial({ hits: 1, of: 20 }, 0)).toBe(0);
  });
});

describe("bursts", () => {
  const spread = Array.from({ length: 10 }, () => ({ hits: 1, of: 50 }));
  const burst = Array.from({ length: 10 }, (_, at) => ({ hits: at === 4 ? 10 : 0, of: 50 }));

  test("hits that are spread evenly count in full", () => {
    expect(dispersionOf(spread)).toBe(1);
    expect(effective(spread)).toEqual({ hits: 10, of: 500 });
  });

  test("hits that come all in one second count as about one", () => {
    expect(dispersionOf(burst)).toBeCloseTo(10.2, 1);
    expect(effective(burst).hits).toBe(1);
  });

  test("everything failing is no burst", () => {
    expect(
      effective([
        { hits: 50, of: 50 },
        { hits: 40, of: 40 },
      ]),
    ).toEqual({ hits: 90, of: 90 });
  });

  test("a single stretch tells nothing of bursts", () => {
    expect(effective([{ hits: 3, of: 50 }])).toEqual({ hits: 3, of: 50 });
  });
});

test("logarithms of factorials fit where the series takes over", () => {
  let sum = 0;
  for (let n = 1; n <= 60; n += 1) {
    sum += Math.log(n);
    expect(logFactorial(n)).toBeCloseTo(sum, 9);
  }
});
