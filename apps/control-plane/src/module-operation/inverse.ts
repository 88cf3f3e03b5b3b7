import type { Plan } from "@evenkeel/contracts/change-plan";
import { type Refusal, refuse } from "@evenkeel/contracts/error";
import { ModuleOperationSpec } from "@evenkeel/contracts/module-operation";
import { say } from "@evenkeel/contracts/phrase";
import { Strategy } from "@evenkeel/contracts/strategy";
import type { RollbackRequest, TouchedTarget } from "../change/index.ts";
import type { Before } from "../placement/plan/index.ts";
import { rollbackStrategy } from "../slot/plan/index.ts";
import type { ModuleOperationPayload } from "./plan.ts";

/** Each touched base in the cluster, and with the modules, of before; of rules those of before. */
export function inverseOfModuleOperation(
  plan: Plan,
  touched: readonly TouchedTarget[],
  request: RollbackRequest,
): ModuleOperationSpec | Refusal {
  const { workspace, operation, before } = plan.payload as ModuleOperationPayload;
  if (touched.length === 0) return refuse("NO_INVERSE", { problem: say("inverse.untouched-base") });
  const strategy = rollbackStrategy(plan.groups[0]?.strategy ?? Strategy.parse({}), request);
  if (operation === "split") {
    const [{ cluster, rules, businesses } = { cluster: "", rules: [], businesses: [] }] = before;
    return ModuleOperationSpec.parse({ operation, workspace, cluster, rules, businesses, strategy });
  }
  return ModuleOperationSpec.parse({
    ...{ operation: "restore", workspace, strategy },
    targets: touched.map(({ facts }) => facts.before as Before),
    placements: before.map(({ cluster, placements }) => ({ cluster, placements })),
  });
}
