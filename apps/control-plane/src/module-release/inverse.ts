import type { Plan } from "@evenkeel/contracts/change-plan";
import { type Refusal, refuse } from "@evenkeel/contracts/error";
import { ModuleReleaseSpec } from "@evenkeel/contracts/module-release";
import { say } from "@evenkeel/contracts/phrase";
import { Strategy } from "@evenkeel/contracts/strategy";
import type { RollbackRequest, TouchedTarget } from "../change/index.ts";
import type { Before } from "../placement/plan/index.ts";
import { rollbackStrategy } from "../slot/plan/index.ts";
import type { ModuleReleasePayload } from "./plan.ts";

/** On each touched base exactly the versions that stood there, and the placement of before. */
export function inverseOfModuleRelease(
  plan: Plan,
  touched: readonly TouchedTarget[],
  request: RollbackRequest,
): ModuleReleaseSpec | Refusal {
  const { workspace, cluster, before, businesses = null } = plan.payload as ModuleReleasePayload;
  if (touched.length === 0) return refuse("NO_INVERSE", { problem: say("inverse.untouched-base") });
  return ModuleReleaseSpec.parse({
    ...{ workspace, cluster, placements: before, businesses },
    targets: touched.map(({ facts }) => {
      const { base, modules } = facts.before as Before;
      return { base, modules };
    }),
    strategy: rollbackStrategy(plan.groups[0]?.strategy ?? Strategy.parse({}), request),
  });
}
