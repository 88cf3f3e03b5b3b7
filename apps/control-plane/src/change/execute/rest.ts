const LONG_LOOK_MS = 50;
const LONGEST_MS = 500;
/** What one target may report while a worker rests is worth no longer wait than this. */
const PER_TARGET_MS = 0.25;

/**
 * How long a worker gathers after a look before it looks again, whoever kicks it. A look at thousands of targets is long because of them, and what they
 * report shortly after one another is better one look than many. A look at few that was long had to wait – for the disk, for a processor –, and nothing more would be
 * gathered: it goes on at the next kick.
 */
export function restMs(look: { readonly tookMs: number; readonly targets: number }): number {
  if (look.tookMs < LONG_LOOK_MS) return 0;
  return Math.min(look.tookMs, LONGEST_MS, Math.floor(look.targets * PER_TARGET_MS));
}
