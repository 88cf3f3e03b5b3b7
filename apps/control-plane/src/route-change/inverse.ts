import type { Plan } from "@evenkeel/contracts/change-plan";
import { Strategy } from "@evenkeel/contracts/strategy";
import type { RouteChangeSpec } from "@evenkeel/contracts/traffic-rule";
import type { RollbackRequest, TouchedTarget } from "../change/index.ts";
import type { RouteChangePayload } from "./plan.ts";

/** Everything that it touches as it was, at once: traffic goes back in one table. */
export function inverseOfRouteChange(
  plan: Plan,
  _touched: readonly TouchedTarget[],
  request: RollbackRequest,
): RouteChangeSpec {
  return {
    ...(plan.payload as RouteChangePayload),
    steps: [],
    // Whoever was found by nobody before is so again: the way back is not refused for it.
    allowGap: true,
    strategy: request.strategy ?? Strategy.parse({ batches: "all" }),
  };
}
