import { type Refusal, refuse } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";
import type { StoredService } from "../service/index.ts";
import { findRevision, type PlannedRevision, type WorldHost } from "../slot/plan/index.ts";
import type { ScaleWorld } from "./world.ts";

/** What a new host begins with. */
export interface Placement {
  readonly to: PlannedRevision;
  /** The batch and change beside which it begins; null = nothing is under way. */
  readonly beside: string | null;
}

/** The service's revision; beside a release the new one, if the batch to which the host would belong has succeeded. */
export function placementOf(world: ScaleWorld, service: StoredService, host: WorldHost): Placement | Refusal {
  const current = findRevision(world, service.revisionId);
  const never = refuse("SERVICE_NEVER_RELEASED", { service: service.name });
  const { underWay } = world;
  if (underWay === null) return current === null ? never : { to: current, beside: null };
  const { plan, places, changeId } = underWay;
  const place = places.get(host.name);
  const next = plan.targets.find(({ slot, to }) => slot === service.id && to !== null)?.facts.toRevisionId;
  const to = (place?.arrived === true ? findRevision(world, String(next)) : null) ?? current;
  const batch = place?.batch ?? say("place.no-batch");
  return to === null ? never : { to, beside: say("place.batch-of", { batch, change: changeId }) };
}
