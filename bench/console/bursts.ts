import type { TargetState } from "@evenkeel/contracts/change-state";
import type { ShownTiles } from "./in-page.ts";

/** A target's way into a state, and when that was committed. */
export interface Committed {
  readonly transaction: string;
  readonly targetId: string;
  readonly state: TargetState;
  /** Milliseconds since 1970, by the database's own record of its commits. */
  readonly committedMs: number;
}

/** A later state stands for those before it: what comes in one picture is painted once. */
const ORDER: readonly TargetState[] = ["pending", "staging", "staged", "running", "succeeded"];
const rankOf = (state: string): number => {
  const rank = ORDER.indexOf(state as TargetState);
  // Every other end is as late as success.
  return rank === -1 ? ORDER.length : rank;
};

/** Of each transaction that moved targets in sight: milliseconds from its commit to the frame that showed the last of them. */
export function burstsOf(committed: readonly Committed[], { shown, inSight }: ShownTiles): number[] {
  const seen = new Set(inSight);
  const paints = Map.groupBy(shown, ([targetId]) => targetId);
  const bursts = Map.groupBy(
    committed.filter(({ targetId }) => seen.has(targetId)),
    ({ transaction }) => transaction,
  );
  return [...bursts.values()].map((moves) =>
    Math.max(
      ...moves.map(({ targetId, state, committedMs }) => {
        const paint = paints.get(targetId)?.find(([, painted]) => rankOf(painted) >= rankOf(state));
        if (paint === undefined) throw new Error(`host ${targetId} was never shown as ${state}`);
        return Math.max(0, paint[2] - committedMs);
      }),
    ),
  );
}
