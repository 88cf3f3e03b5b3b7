import type { PlannedTarget } from "@evenkeel/contracts/change-plan";
import type { ChangeState, TargetState } from "@evenkeel/contracts/change-state";
import { CONVERGENCE } from "@evenkeel/contracts/convergence";
import type { HostId } from "@evenkeel/contracts/id";
import type { CommandPort, EndedChange, EndListener } from "../change/index.ts";
import { isOfModules } from "./modules/plan.ts";
import { recordBrought, recordMissed, recordMissedBases, recordTried, type ToldSlot } from "./store.ts";

/** A change that ended so has moved its service, or left hosts between: who was away is behind. */
const LEAVES_BEHIND: readonly ChangeState[] = ["succeeded", "closed"];
/** Lost while its host was away; with the host there it is a person's decision how to go on. */
const LOST: readonly TargetState[] = [
  "failed",
  "skipped",
  "interrupted",
  "unknown",
  "pending",
  "staging",
  "staged",
  "running",
];

/** Remembers the hosts that a change has left out, in the transaction that ends it. */
export function noteEnd(commands: Pick<CommandPort, "online">): EndListener {
  return async (tx, ended) => {
    const { changeId, tenantId, state, plan } = ended;
    if (plan.kind === CONVERGENCE && state !== "succeeded" && state !== "expired") await recordTried(tx, changeId);
    if (!LEAVES_BEHIND.includes(state)) return;
    const missed = await missedBy(tx, commands, ended);
    // A change of modules says nothing about what runs in the slot.
    if (isOfModules(plan)) {
      if (plan.kind !== CONVERGENCE) await recordMissedBases(tx, { tenantId, changeId, slots: missed });
      return;
    }
    await recordBrought(
      tx,
      slotsOf(ended, (target) => target === "succeeded"),
    );
    if (plan.kind === CONVERGENCE) return;
    // A close leaves everything as it is: nothing is taken away for the sake of what was given up.
    await recordMissed(tx, {
      tenantId,
      changeId,
      slots: missed.filter(({ running }) => running || state === "succeeded"),
    });
  };
}

/** Those that were left out, and those that were lost while their host was away. */
async function missedBy(
  tx: Parameters<EndListener>[0],
  commands: Pick<CommandPort, "online">,
  ended: EndedChange,
): Promise<ToldSlot[]> {
  const lost = slotsOf(ended, (target) => LOST.includes(target));
  const hostIds = lost.map(({ hostId }) => hostId);
  const online = lost.length === 0 ? new Set<HostId>() : await commands.online(tx, hostIds);
  return [...slotsOf(ended, (target) => target === "offline"), ...lost.filter(({ hostId }) => !online.has(hostId))];
}

function slotsOf({ plan, targets }: EndedChange, fits: (state: TargetState) => boolean): ToldSlot[] {
  return plan.targets.flatMap((target) => {
    const slot = toldSlot(target);
    return slot !== null && fits(targets.get(target.targetId) ?? "pending") ? [slot] : [];
  });
}

function toldSlot({ slot, hostId, to }: PlannedTarget): ToldSlot | null {
  return slot === null || hostId === null ? null : { serviceId: slot, hostId, running: to !== null };
}
