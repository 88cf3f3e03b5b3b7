/** Something that gets a share of the requests; `currentWeight` belongs to the picker. */
export interface Weighted {
  readonly weight: number;
  readonly draining: boolean;
  currentWeight: number;
}

/** Smooth weighted round robin: shares hold exactly over each round, and no instance gets its share in a row. */
export function pick<Choice extends Weighted>(choices: readonly Choice[], tried: readonly Choice[]): Choice | null {
  let best: Choice | null = null;
  let total = 0;
  for (const choice of choices) {
    if (choice.draining || choice.weight === 0) continue;
    if (tried.length > 0 && tried.includes(choice)) continue;
    choice.currentWeight += choice.weight;
    total += choice.weight;
    if (best === null || choice.currentWeight > best.currentWeight) best = choice;
  }
  if (best !== null) best.currentWeight -= total;
  return best;
}
