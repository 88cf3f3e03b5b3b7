import type { Cell } from "@evenkeel/contracts/workspace";

/** What part of the users without a cell each cell gets, by its weight in the sum of all. */
export function partsOf(cells: readonly Pick<Cell, "name" | "weight" | "gray">[]): ReadonlyMap<string, number> {
  const counted = (cell: Pick<Cell, "weight" | "gray">) => (cell.gray ? 0 : cell.weight);
  const sum = cells.reduce((total, cell) => total + counted(cell), 0);
  return new Map(cells.map((cell) => [cell.name, sum === 0 ? 0 : counted(cell) / sum]));
}

/** What one most likely wants: of two cells the other one; else everything as it is. */
export function likelyWeights(
  cells: readonly Pick<Cell, "name" | "weight" | "gray">[],
): Readonly<Record<string, number>> {
  const own = cells.filter(({ gray }) => !gray);
  const [one, other] = own;
  const turned =
    own.length === 2 && one !== undefined && other !== undefined && (one.weight === 0) !== (other.weight === 0);
  if (turned) return { [one.name]: other.weight, [other.name]: one.weight };
  return Object.fromEntries(own.map(({ name, weight }) => [name, weight]));
}
