import type { PlannedTarget } from "@evenkeel/contracts/change-plan";
import type { ServiceId } from "@evenkeel/contracts/id";
import type { Strategy } from "@evenkeel/contracts/strategy";
import { chooseLetters } from "./letters.ts";
import { findRevision, type PlannedRevision } from "./revision.ts";
import { cleanSteps, reattachSteps, runSteps, type SlotPlan, stageSteps } from "./steps.ts";
import type { SlotWorld, WorldHost } from "./world.ts";

/** What is to stand in a slot; null = nothing. */
export interface SlotWish {
  readonly serviceId: ServiceId;
  readonly host: WorldHost;
  readonly to: PlannedRevision | null;
  /** An instance of that revision that lives is replaced by a new one. */
  readonly fresh?: boolean;
  /** Default: the application of the service, where there is one already. */
  readonly application?: string;
}

type Pace = Pick<Strategy, "minimumHealthySeconds" | "healthyDeadlineSeconds">;

/** A slot as a target: from what stands there to what is to stand there. */
export function planSlot(world: SlotWorld, wish: SlotWish, pace: Pace): PlannedTarget {
  const { host, to, serviceId, fresh = false, application = world.service?.application } = wish;
  const { from, ...letters } = chooseLetters(world, host.id, { to, fresh });
  const before = findRevision(world, from);
  const leaving = (before ?? to)?.configuration;
  const slot: SlotPlan = {
    ...{ serviceId, host, to },
    names: application === undefined ? null : { application, workspace: world.workspace.name },
    ...letters,
    minimumHealthyMs: Math.round(pace.minimumHealthySeconds * 1000),
    healthyDeadlineSeconds: pace.healthyDeadlineSeconds ?? null,
    leaving: {
      drainSeconds: leaving?.drain.seconds ?? 30,
      policy: leaving?.drain.policy ?? "cut",
      stopSeconds: leaving?.stopSeconds ?? 10,
    },
  };
  return {
    targetId: host.name,
    name: host.name,
    hostId: host.id,
    zone: host.zone,
    cell: host.cell,
    labels: host.labels,
    slot: serviceId,
    online: host.online,
    from: before?.packageVersion ?? null,
    to: to?.packageVersion ?? null,
    stage: stageSteps(slot),
    steps: runSteps(slot),
    clean: to?.stored === true ? [] : cleanSteps(slot),
    reattach: reattachSteps(slot),
    facts: {
      fromRevisionId: from,
      toRevisionId: to?.id ?? null,
      traffic: slot.serving ? "attached" : "none",
    },
  };
}
