import type { PlannedGroup } from "@evenkeel/contracts/change-plan";
import type { HostView, Snapshot } from "./snapshot.ts";

/** The targets whose turn it is to stage: in the order of the batches, so many at once as the strategy lets. */
export function stagingTurns(snapshot: Snapshot, hosts: HostView): ReadonlySet<string> {
  const inHand = new Set(snapshot.attempts.filter(isStagingInHand).map(({ targetId }) => targetId));
  const hostOf = new Map(snapshot.plan.targets.map(({ targetId, hostId }) => [targetId, hostId]));
  const isAway = (id: string) => {
    const hostId = hostOf.get(id) ?? null;
    return hostId !== null && hosts.away(hostId);
  };
  return new Set(snapshot.plan.groups.flatMap((group) => turnsOf(snapshot, group, { inHand, isAway })));
}

const isStagingInHand = ({ phase, state }: Snapshot["attempts"][number]) =>
  phase === "stage" && (state === "dispatched" || state === "running");

interface Turns {
  readonly inHand: ReadonlySet<string>;
  isAway(targetId: string): boolean;
}

function turnsOf(snapshot: Snapshot, group: PlannedGroup, { inHand, isAway }: Turns): string[] {
  const ids = group.batches.flatMap(({ targetIds }) => targetIds);
  const inState = (state: string) => (id: string) => snapshot.targets.get(id)?.state === state;
  // Nothing is sent to a host that is away: it takes nobody's turn.
  const away = ids.filter(isAway);
  const [staging, pending] = [ids.filter(inState("staging")), ids.filter(inState("pending"))].map((some) =>
    some.filter((id) => !inHand.has(id) && !isAway(id)),
  );
  const busy = ids.filter((id) => inHand.has(id)).length;
  const free = Math.max(0, group.strategy.stageAtOnce - busy);
  return [...away, ...[...(staging ?? []), ...(pending ?? [])].slice(0, free)];
}
