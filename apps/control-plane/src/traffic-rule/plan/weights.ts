import { WHOLE_BASIS_POINTS } from "@evenkeel/contracts/traffic/bucket";
import type { CellWeight } from "./set-rules.ts";

/** So much of the way from some weights to others, as shares of 10,000. */
export function weightsBetween(from: readonly CellWeight[], to: readonly CellWeight[], percent: number): CellWeight[] {
  if (percent === 100) return [...to];
  const [before, after] = [sharesOf(from), sharesOf(to)];
  return to.map(({ cell, away }) => {
    const [a, b] = [before.get(cell) ?? 0, after.get(cell) ?? 0];
    return { cell, away, weight: Math.round((a + ((b - a) * percent) / 100) * WHOLE_BASIS_POINTS) };
  });
}

function sharesOf(weights: readonly CellWeight[]): Map<string, number> {
  const total = weights.reduce((sum, { weight }) => sum + weight, 0);
  return new Map(weights.map(({ cell, weight }) => [cell, total === 0 ? 0 : weight / total]));
}
