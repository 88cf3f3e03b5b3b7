import { say } from "@evenkeel/contracts/phrase";
import type { Snapshot } from "../snapshot.ts";

/** Where each target stands when a change ends without having finished, by name: a line for each. */
export function leftBehind(snapshot: Snapshot): ReadonlyMap<string, string> {
  return new Map(
    snapshot.plan.targets.map(({ targetId, name, from, to }) => {
      const state = snapshot.targets.get(targetId)?.state ?? "pending";
      const [was, wanted] = [from ?? say("value.nothing"), to ?? say("value.nothing")];
      if (state === "succeeded") return [name, say("left.done", { target: name, to: wanted })];
      return ["pending", "staged", "offline", "skipped"].includes(state)
        ? [name, say("left.at", { target: name, from: was, state })]
        : [name, say("left.between", { target: name, from: was, to: wanted, state })];
    }),
  );
}

/** The same as lines; what a rollback did, where there was one, is the newer word. */
export function leftBehindLines(snapshot: Snapshot, rollback: Snapshot | null = null): string[] {
  const places = new Map([...leftBehind(snapshot), ...(rollback === null ? [] : leftBehind(rollback))]);
  return [...places.values()];
}
