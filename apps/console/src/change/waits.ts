import type { TargetView } from "@evenkeel/contracts/change";

/** A step that waits for less is on its way; a word for each of these would make the page jump. */
const LONG_MS = 10_000;

/** What holds targets up, and which. */
export interface Wait {
  readonly what: string;
  readonly targets: readonly TargetView[];
}

/** What running steps have been waiting for so long that a person wants to know. */
export function longWaits(targets: Iterable<TargetView>, now: number): Wait[] {
  const waits = new Map<string, TargetView[]>();
  for (const target of targets) {
    const what = target.steps.find(
      ({ state, waitingFor, startedAt }) =>
        state === "running" && waitingFor !== null && startedAt !== null && now - Date.parse(startedAt) >= LONG_MS,
    )?.waitingFor;
    if (what) waits.set(what, [...(waits.get(what) ?? []), target]);
  }
  return [...waits].map(([what, those]) => ({ what, targets: those }));
}
