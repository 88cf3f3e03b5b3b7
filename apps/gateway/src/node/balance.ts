/** Something that gets a share of the requests; `currentWeight` belongs to the picker. */
export interface Weighted {
  readonly weight: number;
  readonly draining: boolean;
  currentWeight: number;
}

/** Smooth weighted round robin: shares hold exactly over each round, and no instance gets its share in a row. */
export function pick<Choice extends Weighted>(
  choices: readonly Choice[],
  isOut: ((choice: Choice) => boolean) | null,
): Choice | null {
  let best: Choice | null = null;
  let total = 0;
  for (const choice of choices) {
    const { weight } = choice;
    if (choice.draining || weight === 0) continue;
    if (isOut?.(choice)) continue;
    choice.currentWeight += weight;
    total += weight;
    if (best === null || choice.currentWeight > best.currentWeight) best = choice;
  }
  if (best !== null) best.currentWeight -= total;
  return best;
}
