const FIRST_MS = 1000;
const LONGEST_MS = 3000;

/**
 * How long an agent without a link waits before it tries again, after so many attempts that led to nothing. Nine tenths of it are chance from
 * the first on: ten thousand agents that one kill has cut off come back over seconds, and do not hold up the start that they wait for.
 */
export function retryPauseMs(failures: number, chance: () => number = Math.random): number {
  return Math.min(FIRST_MS * 2 ** failures, LONGEST_MS) * (0.1 + 0.9 * chance());
}
