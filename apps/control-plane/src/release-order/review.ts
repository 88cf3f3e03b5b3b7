import type { Plan } from "@evenkeel/contracts/change-plan";
import type { Refusal } from "@evenkeel/contracts/error";
import type { ServiceId } from "@evenkeel/contracts/id";
import { type PlannedRevision, refuseGap, routesIn } from "../slot/plan/index.ts";
import type { ReleasePayload } from "./plan.ts";

interface Framed {
  readonly serviceId: ServiceId;
  readonly revision?: PlannedRevision | null;
}

/** A last word about the batches: no route of any service is left without an instance. */
export function reviewRelease(plan: Plan): Refusal | null {
  // Users are in the other cell while hosts of this one are replaced.
  if ((plan.payload as ReleasePayload).weights !== undefined) return null;
  for (const { input, type } of plan.opening) {
    if (type !== "prepare-release") continue;
    const { serviceId, revision = null } = input as unknown as Framed;
    const allowGap = revision?.configuration.allowGap === true;
    const refusal = refuseGap(plan, { serviceId, routes: routesIn(revision), allowGap });
    if (refusal !== null) return refusal;
  }
  return null;
}
