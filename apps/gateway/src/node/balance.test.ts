import { expect, test } from "vitest";
import { pick, type Weighted } from "./balance.ts";

interface Choice extends Weighted {
  readonly name: string;
  weight: number;
  draining: boolean;
}

const choice = (name: string, weight: number): Choice => ({ name, weight, draining: false, currentWeight: 0 });

function shares(choices: Choice[], rounds: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let round = 0; round < rounds; round += 1) {
    const name = pick(choices, null)?.name ?? "nobody";
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

test("weights hold over 10,000 requests", () => {
  expect(shares([choice("a", 100), choice("b", 100), choice("c", 50)], 10_000)).toEqual({ a: 4000, b: 4000, c: 2000 });
  const canary = shares([choice("old", 97), choice("new", 3)], 10_000);
  expect(canary).toEqual({ old: 9700, new: 300 });
});

test("no instance gets its share in a row", () => {
  const choices = [choice("a", 2), choice("b", 1), choice("c", 1)];
  const order = Array.from({ length: 8 }, () => pick(choices, null)?.name).join("");
  expect(order).toBe("abcaabca");
});

test("weights hold from the moment one of them changes, and draining and weight 0 get nothing", () => {
  const [a, b, c] = [choice("a", 1), choice("b", 1), choice("c", 1)];
  shares([a, b, c], 301);
  b.draining = true;
  c.weight = 0;
  expect(shares([a, b, c], 100)).toEqual({ a: 100 });
  b.draining = false;
  b.weight = 3;
  const { a: one = 0, b: three = 0 } = shares([a, b, c], 4000);
  expect(Math.abs(one - 1000)).toBeLessThanOrEqual(2);
  expect(one + three).toBe(4000);
});

test("an instance that was tried is left out, and when all were there is none", () => {
  const [a, b] = [choice("a", 1), choice("b", 1)];
  expect(pick([a, b], (one) => one === a)).toBe(b);
  expect(pick([a, b], () => true)).toBeNull();
});
