/** The bucket of a histogram in which this share of all counts lies; null where nothing was counted. */
export function bucketOf(counts: readonly number[], share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let seen = 0;
  return counts.findIndex((count) => {
    seen += count;
    return seen >= total * share;
  });
}
