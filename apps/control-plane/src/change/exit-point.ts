/** Where a test may end the process hard, between any two durable writes of the kernel. */
export const EXIT_POINTS = [
  /** The change's row is locked; nothing is decided. */
  "before-decide",
  /** Everything is written, nothing is committed. */
  "before-commit",
  /** Committed: commands are in the outbox, nobody was told by this process. */
  "after-commit",
  /** An agent's outcome is here, and not stored. */
  "before-outcome",
  /** Written, not committed. */
  "before-outcome-commit",
  /** Stored, and not acknowledged to the agent. */
  "before-acknowledge",
] as const;
export type ExitPoint = (typeof EXIT_POINTS)[number];

/** Reads `point` or `point:n`, the n-th passing; production passes on. */
export function exitAt(spec: string | undefined, exit: () => void): (point: ExitPoint) => void {
  if (spec === undefined || spec === "") return () => undefined;
  const [wanted, nth] = spec.split(":");
  if (!EXIT_POINTS.some((point) => point === wanted)) throw new Error(`no exit point is called ${wanted}`);
  let left = Number(nth ?? 1);
  return (point) => {
    if (point !== wanted) return;
    left -= 1;
    if (left === 0) exit();
  };
}
