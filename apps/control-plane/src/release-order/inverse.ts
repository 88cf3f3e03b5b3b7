import type { Plan } from "@evenkeel/contracts/change-plan";
import type { RevisionId } from "@evenkeel/contracts/id";
import type { ReleaseOrderSpec } from "@evenkeel/contracts/release-order";
import { Strategy } from "@evenkeel/contracts/strategy";
import type { RollbackRequest, TouchedTarget } from "../change/index.ts";
import type { ReleasePayload } from "./plan.ts";

/** The exact inverse of a release: each touched target back to what ran there before, or to the chosen revision. */
export function inverseOfRelease(
  plan: Plan,
  touched: readonly TouchedTarget[],
  request: RollbackRequest,
): ReleaseOrderSpec {
  const { workspace, application, service } = plan.payload as ReleasePayload;
  const before = (target: TouchedTarget) => (target.facts.fromRevisionId ?? null) as RevisionId | null;
  return {
    workspace,
    application,
    service,
    restore: {
      ofChange: request.changeId,
      revisionId: request.toRevision ?? plan.fromRevisionId,
      targets: touched.flatMap((target) =>
        target.hostId === null ? [] : [{ hostId: target.hostId, revisionId: request.toRevision ?? before(target) }],
      ),
    },
    strategy: strategyOf(plan, request),
  };
}

/** `follow`: the batches of the release; `fast`: all at once, no bake, no confirmation. */
function strategyOf(plan: Plan, { speed, strategy }: RollbackRequest): Strategy {
  if (strategy !== null) return strategy;
  const original = plan.groups[0]?.strategy ?? Strategy.parse({});
  const budget = { failures: 0, action: "stop" as const };
  if (speed === "follow") return { ...original, budget };
  const { minimumHealthySeconds } = original;
  return { beta: 0, batches: "all", bakeSeconds: 0, confirm: "none", budget, minimumHealthySeconds, guards: [] };
}
