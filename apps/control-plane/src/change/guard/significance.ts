// docs/adr/0030 says why these tests and not others.

/** So many of so many; what one side counted in one stretch of time. */
export interface Count {
  readonly hits: number;
  readonly of: number;
}

export const NONE: Count = { hits: 0, of: 0 };

export const sumOf = (counts: readonly Count[]): Count =>
  counts.reduce((sum, { hits, of }) => ({ hits: sum.hits + hits, of: sum.of + of }), NONE);

export const shareOf = ({ hits, of }: Count): number => (of === 0 ? 0 : hits / of);

const HALF_LOG_TWO_PI = 0.918_938_533_204_672_7;
const EXACT_BELOW = 20;

/** ln n!, by Stirling's series from 20 on: wrong by less than 1e-11. */
export function logFactorial(n: number): number {
  if (n < EXACT_BELOW) {
    let product = 1;
    for (let factor = 2; factor <= n; factor += 1) product *= factor;
    return Math.log(product);
  }
  const cube = n * n * n;
  return (n + 0.5) * Math.log(n) - n + HALF_LOG_TWO_PI + 1 / (12 * n) - 1 / (360 * cube) + 1 / (1260 * cube * n * n);
}

const logChoose = (n: number, k: number): number => logFactorial(n) - logFactorial(k) - logFactorial(n - k);

const NEGLIGIBLE = 1e-18;

/** Sums terms from the first on, each the last times a ratio, until nothing more comes of it. */
function tail(first: number, from: number, { to, ratio }: { readonly to: number; ratio(k: number): number }): number {
  let term = first;
  let sum = 0;
  for (let k = from; k <= to; k += 1) {
    sum += term;
    const next = ratio(k);
    term *= next;
    if (next < 1 && term < sum * NEGLIGIBLE) break;
  }
  return Math.min(1, sum);
}

/** Fisher's exact test, one-sided: how likely so many hits or more are on the first side if both sides are alike. */
export function fisher(one: Count, other: Count): number {
  const all = one.of + other.of;
  const hits = one.hits + other.hits;
  const most = Math.min(hits, one.of);
  const logFirst = logChoose(hits, one.hits) + logChoose(all - hits, one.of - one.hits) - logChoose(all, one.of);
  return tail(Math.exp(logFirst), one.hits, {
    to: most,
    ratio: (k) => ((hits - k) * (one.of - k)) / ((k + 1) * (all - hits - one.of + k + 1)),
  });
}

/** Binomial test, one-sided: how likely so many hits or more are if each is one with this probability. */
export function binomial({ hits, of }: Count, probability: number): number {
  if (hits === 0) return 1;
  if (probability <= 0) return 0;
  const logFirst = logChoose(of, hits) + hits * Math.log(probability) + (of - hits) * Math.log1p(-probability);
  const odds = probability / (1 - probability);
  return tail(Math.exp(logFirst), hits, { to: of, ratio: (k) => ((of - k) / (k + 1)) * odds });
}

/**
 * How many times more hits vary from stretch to stretch than independent ones would; at least 1.
 * Hits come in bursts – one pause of a machine slows fifty requests – and a burst is one piece of evidence, not fifty.
 */
export function dispersionOf(cells: readonly Count[]): number {
  const filled = cells.filter(({ of }) => of > 0);
  const share = shareOf(sumOf(filled));
  const expected = filled.reduce((sum, { of }) => sum + of * share * (1 - share), 0);
  if (filled.length < 2 || expected === 0) return 1;
  const found = filled.reduce((sum, { hits, of }) => sum + (hits - of * share) ** 2, 0);
  return Math.max(1, ((filled.length / (filled.length - 1)) * found) / expected);
}

/** What the cells are worth as independent observations (Rao and Scott). */
export function effective(cells: readonly Count[]): Count {
  const { hits, of } = sumOf(cells);
  const dispersion = dispersionOf(cells);
  const worth = Math.round(of / dispersion);
  return { hits: Math.min(worth, Math.round(hits / dispersion)), of: worth };
}
