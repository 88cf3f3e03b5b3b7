import type { Snapshot } from "../snapshot.ts";

/** Where each target stands when a change ends without having finished, by name. */
export function leftBehind(snapshot: Snapshot): ReadonlyMap<string, string> {
  return new Map(
    snapshot.plan.targets.map(({ targetId, name, from, to }) => {
      const state = snapshot.targets.get(targetId)?.state ?? "pending";
      if (state === "succeeded") return [name, to ?? "nothing"];
      if (["pending", "staged", "offline", "skipped"].includes(state)) return [name, `${from ?? "nothing"} (${state})`];
      return [name, `between ${from ?? "nothing"} and ${to ?? "nothing"} (${state})`];
    }),
  );
}

/** The same as lines; what a rollback did, where there was one, is the newer word. */
export function leftBehindLines(snapshot: Snapshot, rollback: Snapshot | null = null): string[] {
  const places = new Map([...leftBehind(snapshot), ...(rollback === null ? [] : leftBehind(rollback))]);
  return [...places].map(([name, place]) => `${name}: ${place}`);
}
